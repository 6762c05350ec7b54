"""What a command by a person brings, and what it is answered with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain.refusals import RefusedError
from services.tickets.domain.ticket.state import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who asks, under which idempotency key, and what they believe the ticket's version is."""

    account: UUID
    actor: UUID  # an agent
    command_id: UUID
    correlation: str
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The ticket after the command; `position` is a log id, `key` its Kafka key (the contact)."""

    state: Ticket
    version: int
    position: int
    key: UUID
    window_closes_at: datetime | None
    allowed: Mapping[str, RefusedError | None]  # accept, send_message, read, close, reopen
    message_id: UUID | None = None
