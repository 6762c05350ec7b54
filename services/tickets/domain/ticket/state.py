"""What decisions about a ticket need to know of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.tickets.domain.unclaimed import KIND as UNCLAIMED
from services.tickets.domain.unclaimed import Unclaimed


class Lifecycle(StrEnum):
    """Where the episode stands (domain.md 2.1)."""

    BOT = "bot"
    WAITING = "waiting"
    ATTENDING = "attending"
    PAUSED = "paused"
    CLOSED = "closed"


OPEN = frozenset({Lifecycle.BOT, Lifecycle.WAITING, Lifecycle.ATTENDING, Lifecycle.PAUSED})
OWNED = frozenset({Lifecycle.ATTENDING, Lifecycle.PAUSED})


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that happens at `due` unless the state stops naming it (design.md D12)."""

    id: UUID
    kind: str
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One service episode; never holds a message (D1)."""

    id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    protocol: str
    lifecycle: Lifecycle
    placement: str = "inbox"
    sector_id: UUID | None = None
    owner_id: UUID | None = None
    owned_since: datetime | None = None
    last_owner_id: UUID | None = None
    slot: int | None = None  # of the owner's limit: a claim that goes with the ownership
    session_id: UUID | None = None  # of the running flow: exactly while in `bot` (2.8, 7)
    return_to: UUID | None = None  # who owned it when the flow was started, while that runs
    unclaimed: Unclaimed | None = None  # since a hand-off, until anybody or anything goes on
    unclaimed_text: str | None = None
    flow_again_after: UUID | None = None  # the message after which nobody came, and a flow again
    opened_at: datetime
    closed_at: datetime | None = None
    pause: Timer | None = None  # that ends it; None also while paused until somebody resumes
    flagged: bool = False  # the customer has written since the pause began
    return_to_queue: Timer | None = None  # since then, where the policy says so

    @property
    def timers(self) -> tuple[Timer, ...]:
        """Every timer that the ticket alone names."""
        waits = self.unclaimed
        unclaimed = None if waits is None else Timer(waits.timer_id, UNCLAIMED, waits.due)
        named = (unclaimed, self.pause, self.return_to_queue)
        return tuple(one for one in named if one is not None)
