"""What folding is given: deliveries, a feed, and a place for what cannot be folded."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.domain.positions import Progress
from shared.plumbing.kafka.messages import Record


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came from Kafka or the feed; without an event when its headers do not read."""

    key: bytes
    progress: Progress
    event: Event | None
    record: Callable[[], Record]  # as it is parked

    @property
    def readable(self) -> bool:
        """Whether it can be folded at all."""
        return self.event is not None and self.event.fault is None


class ParkedEvents(Protocol):
    """Where deliveries wait that cannot be folded, and which keys they hold (D13)."""

    async def held(self, keys: Sequence[bytes], /) -> set[bytes]:
        """Which of the keys are held."""
        ...

    async def park(self, delivery: Delivery, reason: str, /) -> None:
        """Keep the delivery, once; its key is held from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """Events in log order, of everything after one id up to `next_after`.

    The request began at `asked_at`; `head` is the highest id that there was then.
    """

    epoch: int
    deliveries: Sequence[Delivery]
    next_after: int
    head: int
    asked_at: datetime

    @property
    def last(self) -> bool:
        """Whether it ends where the log ended."""
        return self.next_after >= self.head


class StreamFeed(Protocol):
    """The feed of tickets, by stream."""

    async def stream(self, stream: UUID, from_version: int, /) -> Sequence[Event]:
        """The events of one stream from a version on."""
        ...


class LogFeed(StreamFeed, Protocol):
    """The feed of tickets, whole."""

    def pages(self, log_id: int, most: int, /) -> AsyncGenerator[Page]:
        """The whole log from there to its end, in pages of about `most` events."""
        ...

    async def after(self, log_id: int, most: int, /) -> Page:
        """The next `most` events or a few more; fewer at the end of the log."""
        ...
