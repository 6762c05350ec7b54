"""What happens to a batch of records? Applied, retried, parked, never dropped (D13)."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import time_ns
from typing import Final, TypeVar

from aiokafka.errors import KafkaError

from shared.plumbing import logs, metrics, tracing
from shared.plumbing.kafka.commits import Commits
from shared.plumbing.kafka.headers import UnreadableHeadersError, from_headers
from shared.plumbing.kafka.messages import (
    BatchHandler,
    Handler,
    ParkingPlace,
    Received,
    Record,
    UnprocessableError,
)
from shared.plumbing.kafka.progress import Progress
from shared.plumbing.transient import TRANSIENT_ANYWHERE

ATTEMPTS: Final = 5
_FIRST_BACKOFF_SECONDS: Final = 0.05
_LONGEST_BACKOFF_SECONDS: Final = 5.0
_AT_ONCE: Final = 64  # keys of a batch in work at the same time

_handled = metrics.counter("consumer_handled", "Messages applied", ["topic"])
_parked = metrics.counter("consumer_parked", "Messages parked", ["topic"])
_lost_cause = metrics.counter(
    "consumer_skipped", "Messages that failed where nothing can be parked", ["topic"]
)
_retries = metrics.counter("consumer_retries", "Attempts that failed and were repeated", ["topic"])
_log = logs.get(__name__)

T = TypeVar("T")


class StoppingError(Exception):
    """The process ends; what was in hand is not acknowledged."""


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
        self._transient = (
            *TRANSIENT_ANYWHERE,
            KafkaError,
            *(parking.transient if parking is not None else ()),
        )
        self._turns = asyncio.Semaphore(_AT_ONCE)
        if parking is not None:
            parking.handles(topic, handle)

    async def consume(self, records: Sequence[Record]) -> None:
        """Apply or park every record; returns only when the batch may be acknowledged."""
        began_ns = time_ns()
        self.progress.took(records)
        try:
            await self._consume([_Item(record, read(record, self.topic)) for record in records])
        except BaseException:
            self.progress.let_go()
            raise
        self.progress.done(records)
        tracing.processed(self.topic, records, began_ns)

    async def _consume(self, items: Sequence[_Item]) -> None:
        lanes: dict[bytes, list[_Item]] = {}
        for item in items:
            lanes.setdefault(item.record.key or b"", []).append(item)
        held = await self._patiently(lambda: self._held(list(lanes)))
        unreadable = {item.record.key or b"" for item in items if item.received is None}
        if self._handle_batch is not None:
            clear = lanes.keys() - held - unreadable
            whole = [i.received for k in lanes if k in clear for i in lanes[k] if i.received]
            if whole and await self._as_batch(self._handle_batch, whole):
                lanes = {key: lane for key, lane in lanes.items() if key not in clear}
        async with asyncio.TaskGroup() as group:
            for key, lane in lanes.items():
                group.create_task(self._lane(lane, held=key in held))

    async def _as_batch(self, handle: BatchHandler, batch: Sequence[Received]) -> bool:
        try:
            await self._patiently(lambda: handle(batch))
        except StoppingError:
            raise
        except Exception:  # noqa: BLE001  whatever it is, one by one will tell whose it is
            _retries.labels(topic=self.topic).inc()
            _log.warning("batch refused", topic=self.topic, records=len(batch), exc_info=True)
            return False
        _handled.labels(topic=self.topic).inc(len(batch))
        return True

    async def _lane(self, lane: Iterable[_Item], *, held: bool) -> None:
        """The records of one key, in order."""
        async with self._turns:
            for item in lane:
                apart = item.received is not None and self._commutes(item.received)
                reason = "behind" if held and not apart else await self._attempt(item)
                if reason is not None:
                    await self._park(item, reason, holds=not apart)
                    held = held or not apart
                self.progress.alive()

    async def _attempt(self, item: _Item) -> str | None:
        """None when applied, else why not."""
        received = item.received
        if received is None:
            return "unreadable"
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                _retries.labels(topic=self.topic).inc()
                await self._pause(_FIRST_BACKOFF_SECONDS * 2**attempt)
            try:
                await self._patiently(lambda: self._handle(received))
            except StoppingError:
                raise
            except UnprocessableError as error:
                return error.reason
            except Exception as error:  # noqa: BLE001  a poison may raise anything
                reason = type(error).__name__
                _log.warning(
                    "message refused",
                    topic=self.topic,
                    partition=received.partition,
                    offset=received.offset,
                    attempt=attempt + 1,
                    exc_info=True,
                )
            else:
                _handled.labels(topic=self.topic).inc()
                return None
        return reason

    async def _held(self, keys: Sequence[bytes]) -> set[bytes]:
        return set() if self._parking is None else await self._parking.held(self.topic, keys)

    async def _park(self, item: _Item, reason: str, *, holds: bool) -> None:
        where = {"partition": item.record.partition, "offset": item.record.offset}
        parking = self._parking
        if parking is None:
            _lost_cause.labels(topic=self.topic).inc()
            _log.error("message skipped", topic=self.topic, reason=reason, **where)
            return
        record = item.record
        await self._patiently(lambda: parking.park(self.topic, record, reason, holds=holds))
        _parked.labels(topic=self.topic).inc()
        _log.error("message parked", topic=self.topic, reason=reason, **where)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat `call` for as long as what it needs is away; nothing is acknowledged meanwhile."""
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            try:
                return await call()
            except self._transient:
                _retries.labels(topic=self.topic).inc()
                if backoff == _FIRST_BACKOFF_SECONDS or backoff >= _LONGEST_BACKOFF_SECONDS:
                    _log.warning("waiting for what is away", topic=self.topic, exc_info=True)
            await self._pause(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF_SECONDS)

    async def _pause(self, seconds: float) -> None:
        self.progress.alive()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.5, 1.0)):  # noqa: S311  jitter
                await self.stopping.wait()
        if self.stopping.is_set():
            raise StoppingError


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
