"""What folding is given, and what it needs of the database."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from psycopg import AsyncConnection

from services.projections.domain.events import Event
from services.projections.handlers.models import Changed, Models
from shared.contracts.inbox import Row
from shared.plumbing.kafka.messages import Record

Connection = AsyncConnection[tuple[Any, ...]]
CounterKey = tuple[int, UUID, str, UUID | None, UUID | None]
State = Literal["building", "following", "verifying"]
"""Who folds a model: a rebuild, the service, or a verification; never two of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a partition is folded, and where to read on in Kafka."""

    partition: int
    epoch: int
    log_id: int
    kafka_offset: int | None = None
    follow_from: datetime | None = None  # after a feed: read Kafka from this instant on
    last_event: int = 0  # of the partition; the feed of all partitions moves only `log_id`

    @property
    def followed(self) -> bool:
        """Whether Kafka is read on from here; false while the feed is on its way."""
        return self.kafka_offset is not None or self.follow_from is not None


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one delivery brings its partition, whether it was folded or parked."""

    partition: int
    epoch: int
    log_id: int
    offset: int | None  # in Kafka; None from the feed


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came from Kafka or the feed; without an event when its headers do not read."""

    key: bytes
    mark: Mark
    event: Event | None
    record: Callable[[], Record]  # as it is parked

    @property
    def readable(self) -> bool:
        """Whether it can be folded at all."""
        return self.event is not None and self.event.fault is None


class Holding(Protocol):
    """Where deliveries wait that cannot be folded, and which keys they hold (D13)."""

    async def held(self, keys: Sequence[bytes], /) -> set[bytes]:
        """Which of the keys are held."""
        ...

    async def park(self, delivery: Delivery, reason: str, /) -> None:
        """Keep the delivery, once; its key is held from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in the database before a batch."""

    state: State | None  # of the model, read after its places were locked; None: dropped
    live: bool
    places: dict[int, Place]
    versions: dict[UUID, int]  # of each known stream, the last
    models: Models


class Store(Protocol):
    """The tables of the read models."""

    async def look(
        self, conn: Connection, events: Sequence[Event], partitions: Sequence[int], /
    ) -> Found:
        """All that these events need. Places are locked: a zombie waits, and finds it is late."""
        ...

    async def messages(self, conn: Connection, ids: Collection[UUID], /) -> Models:
        """What was said under these ids, and what became of it."""
        ...

    async def cards_of(self, conn: Connection, tickets: Collection[UUID], /) -> dict[UUID, Row]:
        """The rows of these tickets."""
        ...

    async def is_live(self, conn: Connection, /) -> bool:
        """Whether readers see this model."""
        ...

    async def accounts(self, conn: Connection, /) -> list[UUID]:
        """Whose tickets the read models hold."""
        ...

    async def save(
        self, conn: Connection, before: Models, after: Models, changed: Changed, /
    ) -> None:
        """Store what changed."""
        ...

    async def count(self, conn: Connection, deltas: Mapping[CounterKey, int], /) -> None:
        """Add to the counters."""
        ...

    async def move(self, conn: Connection, places: Sequence[Place], /) -> None:
        """Store the places."""
        ...
