"""Messages to and from a topic, and the types of their handlers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from aiokafka.structs import ConsumerRecord

from shared.contracts.envelope import Envelope
from shared.contracts.topics import MAX_MESSAGE_BYTES

LARGEST_MESSAGE_BYTES: Final = MAX_MESSAGE_BYTES - 16 * 1024  # room for Kafka's own framing


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a topic, by its name in the registry; an empty body is a tombstone."""

    topic: str
    key: bytes
    envelope: Envelope
    body: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A message from a topic, by its name in the registry; a tombstone has an empty body."""

    topic: str
    partition: int
    offset: int
    key: bytes
    envelope: Envelope
    body: bytes
    timestamp_ms: int


Handler: TypeAlias = Callable[[Received], Awaitable[None]]
BatchHandler: TypeAlias = Callable[[Sequence[Received]], Awaitable[None]]
Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"


def never(_: Received) -> bool:
    """No message commutes with the others of its key."""
    return False


class ParkingPlace(Protocol):
    """Where a consumer puts what it cannot apply; `parking.py` is the one on PostgreSQL."""

    @property
    def transient(self) -> tuple[type[Exception], ...]:
        """What the consumer's database raises when it is away."""
        ...

    def handles(self, topic: str, handle: Handler) -> None:
        """Learn who handles a topic, for the retries."""
        ...

    async def held(self, topic: str, keys: Sequence[bytes]) -> set[bytes]:
        """Which of the keys have something parked, so that the rest must queue behind it."""
        ...

    async def park(self, topic: str, record: Record, reason: str, *, holds: bool) -> None:
        """Keep the record, once; `holds` when later ones of its key must wait for it."""
        ...
