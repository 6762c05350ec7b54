"""Follow tickets.events with aiokafka's own consumer, from offsets stored with the rows."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, time, time_ns
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndTimestamp

from services.projections.adapters.event_decoder import from_kafka
from services.projections.domain.positions import Checkpoint
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.catch_up import CatchUp
from services.projections.handlers.ports import Delivery
from services.projections.handlers.project import EpochRaisedError, NotOurTurnError
from services.projections.settings import Settings
from services.projections.storage import checkpoints
from shared.contracts.topics import MAX_MESSAGE_BYTES, TICKETS_EVENTS
from shared.plumbing import logs, metrics, tasks, tracing
from shared.plumbing.kafka.consumer_shutdown import leave
from shared.plumbing.kafka.messages import Record
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool

_lag = metrics.gauge("projection_lag_seconds", "Age of the newest event when it was read")
_log = logs.get(__name__)

_SESSION_MS: Final = 6_000
_WAIT_SECONDS: Final = 0.5
_TELL_SECONDS: Final = 1.0


class BehindKafkaError(Exception):
    """Our offset is older than Kafka's oldest record, or newer than its newest, which it lost.

    The feed has what is missing.
    """


class Follower:
    """Feed first, then Kafka from the model's own offsets, in a group of the model's own."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        pool: Pool,
        processor: BatchProcessor,
        catch_up: CatchUp,
    ) -> None:
        self._settings = settings
        self._group = group
        self._pool = pool
        self._processor = processor
        self._catch_up = catch_up
        self.live = True  # whether readers see the model: nobody waits for another one
        self.ready = asyncio.Event()

    async def run(self, beat: Heartbeat) -> None:
        """A body for Loops; returns when the feed is needed again."""
        while not await self._catch_up.ready():
            if not await self._catch_up.run(beat):
                beat.beat()
                await asyncio.sleep(_WAIT_SECONDS)
        consumer = _consumer(self._settings, self._group)
        assigned, offsets = (
            _Assignments(self._settings, self._pool, consumer),
            _GroupOffsets(consumer),
        )
        consumer.subscribe([self._settings.topic(TICKETS_EVENTS.name)], listener=assigned)
        try:
            await consumer.start()
            await self._follow(consumer, assigned, offsets, beat)
        except EpochRaisedError as raised:
            await self._catch_up.forget(raised.epoch)
        except BehindKafkaError:
            await self._catch_up.run(beat)
        except NotOurTurnError as said:
            _log.info("the model is not ours to fold", reason=str(said))
            await asyncio.sleep(_WAIT_SECONDS)
        finally:
            await tasks.undisturbed(_leave(consumer, offsets))

    async def _follow(
        self,
        consumer: AIOKafkaConsumer,
        assigned: "_Assignments",
        offsets: "_GroupOffsets",
        beat: Heartbeat,
    ) -> None:
        while True:
            found = await consumer.getmany(
                timeout_ms=self._settings.poll_milliseconds,
                max_records=self._settings.batch_events,
            )
            if assigned.behind:
                raise BehindKafkaError
            began_ns = time_ns()
            records = [record for some in found.values() for record in some]
            batch = [from_kafka(record) for record in records]
            if batch:
                if self.live:
                    _lag.set(_age(batch))
                await self._processor.process([each for each in batch if not assigned.has(each)])
                offsets.folded(found)
                tracing.processed(TICKETS_EVENTS.name, records, began_ns)
            await offsets.tell_now_and_then()
            self.ready.set()
            beat.beat()


class _GroupOffsets:
    """Commits how far we have folded, for operators to see: we read on from our own checkpoints.

    Only what was folded: a projection that stands still must not look as if it had caught up.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._next: dict[TopicPartition, int] = {}
        self._told_at = monotonic()

    def folded(self, found: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Remember where each partition goes on."""
        self._next |= {part: records[-1].offset + 1 for part, records in found.items()}

    async def tell_now_and_then(self) -> None:
        """Commit at most once a second: it costs a question to the broker."""
        if self._next and monotonic() - self._told_at >= _TELL_SECONDS:
            self._told_at = monotonic()
            with suppress(KafkaError):  # given away meanwhile: its new reader tells
                await self.tell()

    async def tell(self) -> None:
        """Commit what has been folded and not yet told; raises KafkaError."""
        mine = self._consumer.assignment()
        told, self._next = self._next, {}
        if offsets := {part: offset for part, offset in told.items() if part in mine}:
            await self._consumer.commit(offsets)


class _Assignments(ConsumerRebalanceListener):
    """Seeks each partition that we are assigned to its checkpoint."""

    def __init__(self, settings: Settings, pool: Pool, consumer: AIOKafkaConsumer) -> None:
        self._settings = settings
        self._pool = pool
        self._consumer = consumer
        self._known: dict[int, Checkpoint] = {}  # when they were assigned
        self.behind = False

    def has(self, delivery: Delivery) -> bool:
        """Whether it was folded before we came: after a feed some minutes are read once more."""
        reached, known = delivery.progress, self._known.get(delivery.progress.partition)
        return known is not None and (
            reached.epoch == known.epoch and reached.log_id <= known.log_id
        )

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: what is under way is fenced by the locked position."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Seek to the stored offsets, or to the instant before which the feed was read."""
        parts = list(assigned)
        if not parts:
            return
        async with self._pool.connection() as conn:
            known = await checkpoints.load(conn)
        if not all(_followed(known.get(part.partition)) for part in parts):
            self.behind = True  # the feed is being read: where it will end is not known yet
            return
        self._known |= {part.partition: known[part.partition] for part in parts}
        offsets, behind = await read_on_from(self._consumer, parts, known)
        self.behind = self.behind or behind
        for part, offset in offsets.items():
            self._consumer.seek(part, offset)


async def _leave(consumer: AIOKafkaConsumer, offsets: _GroupOffsets) -> None:
    with suppress(KafkaError, OSError):
        async with asyncio.timeout(_TELL_SECONDS):  # without a broker there is nothing to tell
            await offsets.tell()
    await leave(consumer)


def _followed(checkpoint: Checkpoint | None) -> bool:
    return checkpoint is not None and checkpoint.followed


class AnswersOffsets(Protocol):
    """What is asked of a consumer about its partitions."""

    async def beginning_offsets(
        self, parts: list[TopicPartition], /
    ) -> Mapping[TopicPartition, int]:
        """The oldest records that Kafka still has."""
        ...

    async def end_offsets(self, parts: list[TopicPartition], /) -> Mapping[TopicPartition, int]:
        """Where the next records will stand."""
        ...

    async def offsets_for_times(
        self, instants: dict[TopicPartition, int], /
    ) -> Mapping[TopicPartition, OffsetAndTimestamp | None]:
        """The first records at or after an instant; None where there is none."""
        ...


async def read_on_from(
    consumer: AnswersOffsets, parts: list[TopicPartition], known: Mapping[int, Checkpoint]
) -> tuple[dict[TopicPartition, int], bool]:
    """Where to read on, and whether Kafka may lack something that we have not seen.

    Three questions in all: while they last no heartbeat is sent to the group.
    """
    oldest = await consumer.beginning_offsets(parts)
    # the ends before the instants: what arrives between the two questions is read, not skipped
    ends = await consumer.end_offsets(parts)
    instants = {
        part: int(each.follow_from.timestamp() * 1000)
        for part in parts
        if (each := known[part.partition]).kafka_offset is None and each.follow_from
    }
    found: Mapping[TopicPartition, OffsetAndTimestamp | None] = {}
    if instants:
        found = await consumer.offsets_for_times(instants)
    wanted: dict[TopicPartition, int] = {}
    for part in parts:
        kept = known[part.partition].kafka_offset
        at_instant = found.get(part)
        wanted[part] = kept if kept is not None else at_instant.offset if at_instant else ends[part]
    there = {part: min(max(at, oldest[part]), ends[part]) for part, at in wanted.items()}
    for part in (part for part, at in wanted.items() if at > ends[part]):
        _log.error("kafka has lost records", partition=part.partition, offset=wanted[part])
    return there, there != wanted


def _consumer(settings: Settings, group: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        client_id=settings.instance,
        group_id=group,
        group_instance_id=settings.kafka_prefix + settings.instance,
        session_timeout_ms=_SESSION_MS,
        heartbeat_interval_ms=_SESSION_MS // 3,
        auto_offset_reset="earliest",
        enable_auto_commit=False,  # it would commit what was read and not folded
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES + 65_536,
    )


def _age(batch: list[Delivery]) -> float:
    newest = max(
        (delivery.event.time.timestamp() for delivery in batch if delivery.event), default=0.0
    )
    return max(0.0, time() - newest) if newest else 0.0
