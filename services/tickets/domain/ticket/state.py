"""What a Ticket stream remembers."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Lifecycle(StrEnum):
    """Where an episode stands (domain.md 2.1); what does not exist yet is not named."""

    WAITING = "waiting"
    ATTENDING = "attending"
    CLOSED = "closed"


class Placement(StrEnum):
    """Where a ticket is kept; only the inbox exists yet."""

    INBOX = "inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Time spent per lifecycle, closed times included; their sum is `entered` - opened."""

    entered: datetime
    spent: dict[Lifecycle, timedelta] = field(default_factory=dict[Lifecycle, timedelta])

    def left(self, lifecycle: Lifecycle, at: datetime) -> "Clocks":
        """`lifecycle` ended at `at`, and another began."""
        before = self.spent.get(lifecycle, timedelta())
        spent = {**self.spent, lifecycle: before + (at - self.entered)}
        return Clocks(entered=at, spent=spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket at a version; `since` is when the owner took it."""

    id: UUID
    version: int
    protocol: str
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    opened_at: datetime
    clocks: Clocks
    lifecycle: Lifecycle = Lifecycle.WAITING
    placement: Placement = Placement.INBOX
    sector_id: UUID | None = None
    owner_id: UUID | None = None
    since: datetime | None = None
    last_owner_id: UUID | None = None
    closed_at: datetime | None = None
    previous_ticket_id: UUID | None = None

    @property
    def is_open(self) -> bool:
        """Counts for the one open ticket of a contact on a connection."""
        return self.lifecycle is not Lifecycle.CLOSED
