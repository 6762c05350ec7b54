"""A row of the send queue and its states (reliability.md 3)."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag, StrEnum
from typing import Final
from uuid import UUID


class Kind(StrEnum):
    """A message is sent once at most; a receipt may be repeated."""

    SEND = "send"
    RECEIPT = "receipt"


class State(StrEnum):
    """Where a row stands."""

    QUEUED = "queued"
    SENDING = "sending"  # committed before the socket opens
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # never sent again; settled by a status that carries our id
    CANCELLED = "cancelled"
    DEAD = "dead"  # refused each time, given up


OPEN: Final = frozenset({State.QUEUED, State.SENDING})


class Told(IntFlag):
    """Which statuses were reported; each is reported once."""

    NOTHING = 0
    SENT = 1
    DELIVERED = 2
    READ = 4
    PLAYED = 8
    FAILED = 16


ARRIVED: Final = Told.DELIVERED | Told.READ | Told.PLAYED


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A row of table `queue` without its sealed body."""

    message_id: UUID
    kind: Kind
    key: bytes  # Kafka key of the command: its events go under the same
    account_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID | None  # None: a receipt
    ticket_id: UUID | None
    state: State
    queued_at: datetime
    next_attempt_at: datetime
    attempts: int = 0
    refusals: int = 0
    session: UUID | None = None  # of the process that made the last attempt
    started_at: datetime | None = None
    wamid_hash: bytes | None = None
    told: Told = Told.NOTHING
    reason: str | None = None
    cancel: str | None = None  # why it was taken back during an attempt
    settled_at: datetime | None = None  # when it left `queued` and `sending`
    correlation: str | None = None  # of its command
