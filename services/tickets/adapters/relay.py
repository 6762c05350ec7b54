"""The log to Kafka, in order: every stored version, at least once, none skipped (D4).

Read what is newer than the position, translate, produce; only when all is acknowledged store the
position, where the old one still stands. A crash in between repeats messages. A lease makes one
process the relay; the condition on the position holds when two believe that they are.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final, Protocol

from services.tickets.adapters.positions import Position, RelayPosition
from services.tickets.adapters.published import to_messages
from services.tickets.settings import Settings
from services.tickets.storage.contract import StoredEvent, UnknownKeyError
from services.tickets.storage.store import EventStore
from shared.plumbing import failpoints, logs, metrics, tasks
from shared.plumbing.kafka import Outgoing
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.postgres import TRANSIENT, Pool
from shared.plumbing.service import Service

BATCH: Final = 1000
LEASE: Final = "relay"
AFTER_PRODUCE: Final = "tickets.relay_after_produce"
failpoints.FAILPOINTS.add(AFTER_PRODUCE)

_AT_ONCE: Final = 100  # translated before others get their turn on the event loop
# Who writes alone is published at once; under load a batch is worth more than 10 ms: each costs
# a read, a question to Kafka, an update, and a transaction of every reader.
_GATHER_SECONDS: Final = 0.01
_RENEWALS: Final = 3  # in the life of a lease

_holds = metrics.gauge("relay_holds_lease", "1 in the process that is the relay")
_stopped = metrics.gauge("relay_stopped", "1 while an unknown key stops the relay: an alarm")
_position = metrics.gauge("relay_position", "Log id up to which everything is published")
_head = metrics.gauge("log_head", "Highest log id")
_age = metrics.gauge("relay_oldest_unpublished_seconds", "Age of the oldest event not published")
_log = logs.get(__name__)


class Producing(Protocol):
    """What the relay needs of a producer."""

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        """Publish in order; returns when all are acknowledged."""
        ...


@dataclass(frozen=True, slots=True)
class _Batch:
    """What follows on a log id, translated."""

    after: int
    epoch: int
    reached: int
    events: int
    messages: Sequence[Outgoing]


def start_relay(
    service: Service, settings: Settings, store: EventStore, pool: Pool, stored: asyncio.Event
) -> None:
    """Add the loops that publish the log and measure how much of it waits."""
    position = RelayPosition(pool)
    relay = Relay(
        store,
        service.producer,
        position,
        Lease(pool, LEASE, settings.instance, settings.relay_lease_seconds),
        wake=stored,
        lease_seconds=settings.relay_lease_seconds,
        poll_seconds=settings.relay_poll_seconds,
    )
    service.loop("relay", relay.run)
    service.loop("relay-lag", RelayLag(store, position, service.now).measure, 2.0)


class Relay:
    """`run` is the body of a loop; `wake` is set when this process has stored something."""

    def __init__(
        self,
        store: EventStore,
        producer: Producing,
        position: RelayPosition,
        lease: Lease,
        *,
        wake: asyncio.Event,
        lease_seconds: float,
        poll_seconds: float,
    ) -> None:
        self._store = store
        self._producer = producer
        self._position = position
        self._lease = lease
        self._renew_each = lease_seconds / _RENEWALS
        self._poll_seconds = poll_seconds
        self._wake = wake
        self._ahead: asyncio.Task[_Batch] | None = None

    async def run(self, beat: Heartbeat) -> None:
        """Publish for as long as this process holds the lease; come again after a second."""
        beat.beat()
        if not await self._lease.acquire():
            return
        _holds.set(1)
        try:
            await self._hold(beat)
        finally:
            _holds.set(0)
            await self._forget_ahead()
            with suppress(*TRANSIENT):
                await self._lease.release()

    async def _hold(self, beat: Heartbeat) -> None:
        position, epoch = await self._position.read(), await self._store.epoch()
        renewed = monotonic()
        while True:
            beat.beat()
            self._wake.clear()  # before the look: what comes during it wakes the next one
            position, found = await self.step(position, epoch)
            if monotonic() - renewed > self._renew_each:
                if not await self._lease.renew():
                    _log.warning("relay lost its lease", lease=LEASE)
                    return
                renewed, epoch = monotonic(), await self._store.epoch()
            if 0 < found < BATCH:
                await asyncio.sleep(_GATHER_SECONDS)
            if found < BATCH:
                await self._rest()

    async def step(self, position: Position, epoch: int) -> tuple[Position, int]:
        """One batch, published and its position stored; how many events it had.

        Raises PositionMovedError, PublishFailedError, UnknownKeyError.
        """
        batch = await self._taken(position.log_id, epoch)
        if not batch.events:
            return position, 0
        if batch.events == BATCH:  # much waits: read on while Kafka writes
            self._ahead = asyncio.create_task(self._read(batch.reached, epoch))
        await self._producer.send_all(batch.messages)
        failpoints.hit(AFTER_PRODUCE)
        reached = Position(epoch, batch.reached)
        await self._position.move(position, reached)
        _position.set(reached.log_id)
        return reached, batch.events

    async def _taken(self, after: int, epoch: int) -> "_Batch":
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            batch = await ahead
            if (batch.after, batch.epoch) == (after, epoch):
                return batch
        return await self._read(after, epoch)

    async def _read(self, after: int, epoch: int) -> "_Batch":
        try:
            found = await self._store.log(after, BATCH)
        except UnknownKeyError:
            _stopped.set(1)
            raise
        _stopped.set(0)
        reached = found[-1].log_id if found else after
        return _Batch(after, epoch, reached, len(found), await translated(found, epoch))

    async def _forget_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await tasks.end(ahead)

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._wake.wait()


async def translated(events: Sequence[StoredEvent], epoch: int) -> list[Outgoing]:
    """The messages of these events, in order; lets others run in between."""
    messages: list[Outgoing] = []
    for count, stored in enumerate(events, 1):
        messages.extend(to_messages(stored, epoch))
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return messages


class RelayLag:
    """How far the relay is behind: measured by every process, also when nobody is the relay."""

    def __init__(
        self, store: EventStore, position: RelayPosition, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._position = position
        self._now = now

    async def measure(self, beat: Heartbeat) -> None:
        """A body for Loops, each few seconds."""
        beat.beat()
        head, position = await self._store.head(), await self._position.read()
        _head.set(head)
        _position.set(position.log_id)
        oldest = await self._store.log(position.log_id, 1) if head > position.log_id else ()
        age = (self._now() - oldest[0].meta.recorded_at).total_seconds() if oldest else 0.0
        _age.set(max(0.0, age))
