"""One published event with its place in the log."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.envelope import Message


@dataclass(frozen=True, slots=True)
class Event:
    """A message of tickets.events, from Kafka or from the feed: they are the same (D6)."""

    partition: int
    epoch: int
    log_id: int
    account_id: UUID
    stream: UUID
    version: int
    time: datetime
    message: Message | None  # None: a type that we do not know
    offset: int | None = None  # in Kafka; None from the feed
    fault: str | None = None  # why its body does not read
    correlation: str | None = None

    @property
    def position(self) -> str:
        """As `X-Position` writes it."""
        return f"{self.epoch}.{self.partition}-{self.log_id}"
