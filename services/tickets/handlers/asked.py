"""What is asked of a ticket, and what a person is answered (D5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.ticket.state import Ticket


class NotFoundError(refusals.RefusedError):
    """No such ticket in this account."""

    code = "not_found"


class BusyError(refusals.RefusedError):
    """Two seconds of lost races."""

    code = "busy"


class IdempotencyKeyReusedError(refusals.RefusedError):
    """The same command id came with another request."""

    code = "idempotency_key_reused"


@dataclass(eq=False)
class VersionMismatchError(refusals.RefusedError):
    """The caller decided on another version (If-Match)."""

    code = "version_mismatch"
    version: int

    def extras(self) -> dict[str, object]:
        """The version it has."""
        return {"version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for what: an agent, or one of our machines.

    `command_id` is the gateway's, of principal and Idempotency-Key; the bot's own; or the timer's.
    """

    account: UUID
    agent_id: UUID | None = None
    machine: Literal["bot", "timer"] = "bot"  # where no agent asks
    ticket_id: UUID
    command_id: UUID
    correlation: str
    expected_version: int | None = None

    @property
    def actor(self) -> str:
        """As stored beside every event."""
        return self.machine if self.agent_id is None else f"agent:{self.agent_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The ticket as the command left it; `log_id` is the command's highest (0: nothing stored)."""

    ticket: Ticket
    version: int
    log_id: int
    window_closes_at: datetime | None
    allowed: Mapping[str, refusals.RefusedError | None]
    message_id: UUID | None = None
