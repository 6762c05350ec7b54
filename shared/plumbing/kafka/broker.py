"""Subscribe with FastStream, with the settings that lose nothing (broker.md 4)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Any, Final, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker
from faststream.kafka import Topic as KafkaTopic
from faststream.kafka.message import KafkaAckableMessage
from faststream.message import AckStatus

from shared.contracts.topics import MAX_MESSAGE_BYTES
from shared.plumbing import logs, metrics
from shared.plumbing.health import Health
from shared.plumbing.kafka.consumption import Consumption
from shared.plumbing.kafka.messages import (
    BatchHandler,
    Handler,
    ParkingPlace,
    Received,
    Record,
    never,
)
from shared.plumbing.kafka.topics import missing_topics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.retrying import retry
from shared.plumbing.settings import CommonSettings

_BATCH_TIMEOUT_MS: Final = 1_000
_ROOM_BYTES: Final = 64 * 1024
_GATHERED_BYTES: Final = 256 * 1024
_LONGEST_FETCH_MS: Final = 500
_SESSION_MS: Final = 6_000
_HEARTBEAT_MS: Final = 2_000
_LONGEST_BATCH_MS: Final = 24 * 3_600_000  # a database may be away for hours; `watch` judges life
_STOP_SECONDS: Final = 5.0
DEAD_SECONDS: Final = 15.0  # FastStream fetches again after 5 s
_LOOK_SECONDS: Final = 5.0
_FAREWELL_SECONDS: Final = 1.0  # a broker that is away is not waited for

_batch_errors = metrics.counter("consumer_batch_errors", "Batches given back whole", ["topic"])
_log = logs.get(__name__)


class ServiceBroker(KafkaBroker):
    """FastStream's broker, only consuming, that tells its subscriptions when it ends."""

    def __init__(self, settings: CommonSettings, service: str) -> None:
        super().__init__(
            settings.kafka_bootstrap_servers.split(","),  # FastStream would take it for one
            client_id=settings.instance or service,
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=30_000,
            graceful_timeout=_STOP_SECONDS,
            apply_types=False,
            specification_url="kafka:9092",
            logger=logging.getLogger("faststream_kafka"),
        )
        self.settings = settings
        self.consumptions: list[tuple[Consumption, Any]] = []  # with FastStream's subscriber

    async def _connect(self) -> Callable[..., AIOKafkaConsumer]:
        builder = cast("partial[AIOKafkaConsumer]", await super()._connect())
        waiting = partial(_WaitingConsumer, **builder.keywords)
        self.config.broker_config.builder = waiting
        return waiting

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Stop: batches in hand are finished within 5 seconds, or not acknowledged."""
        for consumption, subscriber in self.consumptions:
            consumption.stopping.set()
            if subscriber.consumer is not None:
                await _farewell(consumption, subscriber.consumer)
        await super().stop(exc_type, exc_val, exc_tb)


class _WaitingConsumer(AIOKafkaConsumer):
    """Gives no empty batches: after one FastStream sleeps, blind to what comes meanwhile."""

    _failing_since: float | None = None

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Record]]:
        found: dict[TopicPartition, list[Record]] = {}
        while not found:
            try:
                found = await super().getmany(
                    *partitions, timeout_ms=timeout_ms, max_records=max_records
                )
            except KafkaError:
                self._failing_since = self._failing_since or monotonic()
                raise
            self._failing_since = None
        return found

    @property
    def is_dead(self) -> bool:
        """Every fetch fails: aiokafka's coordinator has ended, and it is never started again.

        A broker that is away is no error of a fetch.
        """
        since = self._failing_since
        return since is not None and monotonic() - since > DEAD_SECONDS


def make_broker(settings: CommonSettings, service: str) -> ServiceBroker:
    """A broker without subscriptions; `start_when_ready` starts it."""
    return ServiceBroker(settings, service)


def subscribe(
    broker: KafkaBroker,
    settings: CommonSettings,
    *,
    topic: str,
    group: str,
    instance: str,
    handle: Handler,
    parking: ParkingPlace | None,
    batch_records: int = 256,
    commutes: Callable[[Received], bool] = never,
    handle_batch: BatchHandler | None = None,
    gather_ms: int = 0,
) -> None:
    """Handle every message of `topic` at least once, those of one key in order, keys concurrently.

    `topic` and `group` are without prefix. Offsets are committed after a batch is done: each
    message applied, or parked. What is away is waited for without limit. `handle_batch` gets all
    first; when it raises, the messages go to `handle` one by one, so it stores all or nothing.
    `gather_ms`: Kafka may hold messages for so long to give several at once; nobody waits for them.
    `commutes` names the messages that need not wait behind a parked one of their key. Without
    `parking`, what cannot be applied is logged, counted and skipped.
    """
    if not isinstance(broker, ServiceBroker):
        message = "make_broker makes the broker"
        raise TypeError(message)
    consumption = Consumption(topic, handle, handle_batch, parking, commutes)
    subscriber = broker.subscriber(
        KafkaTopic(settings.topic(topic), declare=False),
        group_id=settings.group(group),
        group_instance_id=f"{settings.kafka_prefix}{instance}.{topic}",
        batch=True,
        batch_timeout_ms=_BATCH_TIMEOUT_MS,
        max_records=batch_records,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        auto_offset_reset="earliest",
        session_timeout_ms=_SESSION_MS,
        heartbeat_interval_ms=_HEARTBEAT_MS,
        max_poll_interval_ms=_LONGEST_BATCH_MS,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES + _ROOM_BYTES,
        fetch_min_bytes=_GATHERED_BYTES if gather_ms else 1,
        fetch_max_wait_ms=gather_ms or _LONGEST_FETCH_MS,
        title=f"{group}:{topic}",
    )
    broker.consumptions.append((consumption, subscriber))

    async def parse(records: tuple[Record, ...]) -> _Batch:
        return _Batch(records, consumption, subscriber.consumer)

    async def decode(message: _Batch) -> tuple[Record, ...]:
        return message.records

    async def on_batch(records: tuple[Record, ...]) -> None:
        await _consume(consumption, records)

    subscriber(on_batch, parser=parse, decoder=decode)


class _Batch(KafkaAckableMessage):
    """A batch as it came, bytes untouched; its offsets are told to the group now and then."""

    def __init__(
        self,
        records: tuple[Record, ...],
        consumption: Consumption,
        consumer: Any,  # noqa: ANN401  FastStream does not say which it is
    ) -> None:
        super().__init__(raw_message=records, body=b"", consumer=consumer)
        self._consumer = consumer
        self.records = records
        self._consumption = consumption

    async def ack(self) -> None:
        consumption = self._consumption
        stopping = consumption.stopping.is_set()
        await consumption.commits.done(self._consumer, self.records, at_once=stopping)
        self.committed = AckStatus.ACKED


async def _farewell(consumption: Consumption, consumer: AIOKafkaConsumer) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await consumption.commits.tell(consumer)


async def _consume(consumption: Consumption, records: tuple[Record, ...]) -> None:
    """The batch is acknowledged when this returns; else it is given back and fetched again."""
    try:
        await consumption.consume(records)
    except Exception as error:
        if not consumption.stopping.is_set():
            _batch_errors.labels(topic=consumption.topic).inc()
            _log.exception("batch given back", topic=consumption.topic, records=len(records))
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await consumption.stopping.wait()
        raise NackMessage from error


async def start_when_ready(broker: KafkaBroker, health: Health) -> None:
    """Wait, with backoff and for ever, until Kafka and the topics are there; then start consuming.

    Raises WrongPartitionsError: then the service must not run.
    """
    ours = cast("ServiceBroker", broker)
    away = (KafkaError, OSError, TimeoutError, TopicsMissingError)

    def failed(error: Exception, _: int) -> None:
        health.waiting_for("kafka", type(error).__name__)
        missing = {"topics": error.topics} if isinstance(error, TopicsMissingError) else {}
        _log.warning("waiting for kafka", exc_info=error, **missing)

    health.waiting_for("kafka")
    await retry(partial(_begin, ours), away, longest_seconds=3.0, on_failure=failed)
    health.arrived("kafka")


class TopicsMissingError(Exception):
    """Topics are not there yet."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(topics)
        self.topics = topics


async def _begin(broker: ServiceBroker) -> None:
    names = [consumption.topic for consumption, _ in broker.consumptions]
    if missing := await missing_topics(broker.settings, names):
        raise TopicsMissingError(missing)
    for consumption, _ in broker.consumptions:
        consumption.stopping.clear()
    try:
        await broker.start()
    except (KafkaError, OSError, TimeoutError):
        with suppress(Exception):
            await broker.stop()
        raise


def watch(broker: KafkaBroker) -> Callable[[Heartbeat], Any]:
    """A body for Loops (each second): tells offsets, measures lag, beats while nothing is stuck."""
    ours = cast("ServiceBroker", broker)

    async def look(beat: Heartbeat) -> None:
        stuck: list[str] = []
        for consumption, subscriber in ours.consumptions:
            if subscriber.consumer is not None:
                await consumption.commits.tell(subscriber.consumer)
                await _look(consumption, subscriber.consumer)
                if consumption.progress.stuck or subscriber.consumer.is_dead:
                    stuck.append(consumption.topic)
        if stuck:
            raise StuckConsumerError(stuck)
        beat.beat()

    return look


class StuckConsumerError(Exception):
    """Nothing moves while records wait (aiokafka #1037), or every fetch fails: restart helps."""


async def _look(consumption: Consumption, consumer: AIOKafkaConsumer) -> None:
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            assigned = consumer.assignment()
            ends: dict[TopicPartition, int] = await consumer.end_offsets(assigned)
            positions = {part: await consumer.position(part) for part in assigned}
    except (KafkaError, OSError, TimeoutError, AttributeError):
        # Kafka is away, or aiokafka is still starting (its fetcher is there last): nobody is stuck
        consumption.progress.alive()
        return
    consumption.progress.looked(positions, ends)
