"""Read a compacted topic whole, without a group, then follow it."""

import asyncio
from collections.abc import Callable
from time import time_ns
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import MAX_MESSAGE_BYTES
from shared.plumbing import logs, metrics, tasks, tracing
from shared.plumbing.kafka.consumer_shutdown import leave
from shared.plumbing.kafka.consumption import read
from shared.plumbing.kafka.messages import Received, Record
from shared.plumbing.kafka.topics import missing_topics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.settings import CommonSettings

_POLL_MS: Final = 500
_ROOM_BYTES: Final = 64 * 1024

_unreadable = metrics.counter("reader_skipped", "Messages that a reader could not read", ["topic"])
_log = logs.get(__name__)


class TopicMissingError(Exception):
    """The topic is not there yet."""


class CompactedReader:
    """Gives every message of `topic` to `on_message`, oldest first; all again after a failure.

    `ready` is set once everything that was there at the start of the reading has been given. What
    was read before a failure comes again: `on_message` overwrites by key. `from_start=False` begins
    at the end instead, for topics that are only followed.
    """

    def __init__(
        self,
        settings: CommonSettings,
        topic: str,
        on_message: Callable[[Received], None],
        *,
        from_start: bool = True,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._on_message = on_message
        self._from_start = from_start
        self.ready = asyncio.Event()

    async def run(self, beat: Heartbeat) -> None:
        """A body for Loops; never returns."""
        if await missing_topics(self._settings, [self._topic]):
            raise TopicMissingError(self._topic)
        consumer = AIOKafkaConsumer(
            self._settings.topic(self._topic),
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            client_id=self._settings.instance,
            group_id=None,
            auto_offset_reset="earliest" if self._from_start else "latest",
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES + _ROOM_BYTES,
            metadata_max_age_ms=30_000,
        )
        try:
            await consumer.start()
            await self._follow(consumer, beat)
        finally:
            await tasks.undisturbed(leave(consumer))

    async def _follow(self, consumer: AIOKafkaConsumer, beat: Heartbeat) -> None:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(consumer.assignment())
        while True:
            found = await consumer.getmany(timeout_ms=_POLL_MS)
            for records in found.values():
                began_ns = time_ns()
                for record in records:
                    self._give(record)
                tracing.processed(self._topic, records, began_ns)
            if not self.ready.is_set() and await _reached(consumer, ends):
                self.ready.set()
            beat.beat()

    def _give(self, record: Record) -> None:
        received = read(record, self._topic)
        if received is None:
            _unreadable.labels(topic=self._topic).inc()
            _log.error(
                "unreadable", topic=self._topic, partition=record.partition, offset=record.offset
            )
            return
        self._on_message(received)


async def _reached(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    for part, end in ends.items():
        if await consumer.position(part) < end:
            return False
    return True
