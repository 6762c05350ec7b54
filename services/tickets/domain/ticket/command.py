"""What every command to a ticket carries. Time, ids and policies arrive in it (design.md D2)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something is asked of a ticket, by a machine unless a subclass says otherwise."""

    at: datetime
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCommand(Command):
    """An agent asks."""

    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommand(Command):
    """Taken only while the session that it names runs."""

    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCommand(Command):
    """A timer is due; stale when the ticket names another."""

    timer_id: UUID
