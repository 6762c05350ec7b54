"""Consume the batches of one subscription: apply, retry, park; wait for what is away (D13)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from time import time_ns
from typing import Final, TypeVar

from aiokafka.errors import KafkaError

from shared.plumbing import logs, metrics, tracing
from shared.plumbing.batches import BatchProcessor
from shared.plumbing.kafka.commits import Commits
from shared.plumbing.kafka.headers import UnreadableHeadersError, from_headers
from shared.plumbing.kafka.messages import (
    BatchHandler,
    Handler,
    ParkingPlace,
    Received,
    Record,
)
from shared.plumbing.kafka.progress import Progress
from shared.plumbing.retrying import StoppingError, retry
from shared.plumbing.transient import TRANSIENT_ANYWHERE

_FIRST_SECONDS: Final = 0.05
_LONGEST_SECONDS: Final = 5.0
_TOLD_EACH: Final = 20  # attempts: one is logged in about 100 s while something is away

_handled = metrics.counter("consumer_handled", "Messages applied", ["topic"])
_parked = metrics.counter("consumer_parked", "Messages parked", ["topic"])
_lost_cause = metrics.counter(
    "consumer_skipped", "Messages that failed where nothing can be parked", ["topic"]
)
_retries = metrics.counter("consumer_retries", "Attempts that failed and were repeated", ["topic"])
_log = logs.get(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Item:
    record: Record
    received: Received | None  # None: the envelope cannot be read


class Consumption:
    """One subscription: a topic, who handles it, and where its failures are parked."""

    def __init__(
        self,
        topic: str,
        handle: Handler,
        handle_batch: BatchHandler | None,
        parking: ParkingPlace | None,
        commutes: Callable[[Received], bool],
    ) -> None:
        self.topic = topic
        self.progress = Progress(topic)
        self.commits = Commits(topic)
        self.stopping = asyncio.Event()
        self._handle = handle
        self._handle_batch = handle_batch
        self._parking = parking
        self._commutes = commutes
        away = parking.transient if parking is not None else ()
        self._transient = (*TRANSIENT_ANYWHERE, KafkaError, *away)
        self._processor = BatchProcessor[_Item](
            self,
            whole=handle_batch is not None,
            passing=(StoppingError,),
            stopping=self.stopping,
            on_attempt=self._failed,
        )
        if parking is not None:
            parking.handles(topic, handle)

    async def consume(self, records: Sequence[Record]) -> None:
        """Apply or park every record; returns only when the batch may be acknowledged."""
        began_ns = time_ns()
        self.progress.took(records)
        try:
            items = [_Item(record, read(record, self.topic)) for record in records]
            await self._processor.process(items)
        except BaseException:
            self.progress.let_go()
            raise
        self.progress.done(records)
        tracing.processed(self.topic, records, began_ns)

    def key(self, item: _Item) -> bytes:
        """Kafka's; messages without one form a lane of their own."""
        return item.record.key or b""

    def where(self, item: _Item) -> Mapping[str, object]:
        """Topic, partition and offset."""
        record = item.record
        return {"topic": self.topic, "partition": record.partition, "offset": record.offset}

    def readable(self, item: _Item) -> bool:
        """Whether its envelope can be read."""
        return item.received is not None

    def commutes(self, item: _Item) -> bool:
        """As the subscription says."""
        return item.received is not None and self._commutes(item.received)

    async def held(self, keys: Collection[bytes]) -> set[bytes]:
        """The keys that have something parked."""
        parking = self._parking
        if parking is None:
            return set()
        return await self._patiently(lambda: parking.held(self.topic, list(keys)))

    async def apply(self, items: Sequence[_Item]) -> None:
        """Handle one, or all at once where the subscription can."""
        received = [item.received for item in items if item.received is not None]
        if self._handle_batch is not None and len(received) > 1:
            together = self._handle_batch
            await self._patiently(lambda: together(received))
        else:
            for each in received:
                await self._patiently(lambda each=each: self._handle(each))
        _handled.labels(topic=self.topic).inc(len(received))
        self.progress.alive()

    async def park(self, item: _Item, reason: str, *, holds: bool) -> None:
        """Park the record; without a parking place it is logged, counted and skipped."""
        record, parking = item.record, self._parking
        where = self.where(item)
        if parking is None:
            _lost_cause.labels(topic=self.topic).inc()
            _log.error("message skipped", reason=reason, **where)
            return
        await self._patiently(lambda: parking.park(self.topic, record, reason, holds=holds))
        _parked.labels(topic=self.topic).inc()
        _log.error("message parked", reason=reason, **where)
        self.progress.alive()

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat `call` for as long as what it needs is away; nothing is acknowledged meanwhile."""

        def away(_: Exception, number: int) -> None:
            self._failed()
            if number % _TOLD_EACH == 1:
                _log.warning("waiting for what is away", topic=self.topic, exc_info=True)

        return await retry(
            call,
            self._transient,
            first_seconds=_FIRST_SECONDS,
            longest_seconds=_LONGEST_SECONDS,
            stopping=self.stopping,
            on_failure=away,
        )

    def _failed(self) -> None:
        _retries.labels(topic=self.topic).inc()
        self.progress.alive()


def read(record: Record, topic: str) -> Received | None:
    """The record as a message of `topic` in the registry; None when its headers say nothing."""
    try:
        envelope = from_headers(record.headers)
    except UnreadableHeadersError:
        return None
    return Received(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key or b"",
        envelope=envelope,
        body=record.value or b"",
        timestamp_ms=record.timestamp,
    )
