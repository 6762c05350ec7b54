"""Watch whether tickets keeps up: Kafka deletes what was acknowledged (protocols.md 4)."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.contracts.topics import INBOUND_EVENTS
from shared.plumbing import metrics, tasks
from shared.plumbing.kafka.consumer_shutdown import leave
from shared.plumbing.loops import Heartbeat
from shared.plumbing.settings import CommonSettings

OLDEST: Final = timedelta(hours=48)
_CONSUMER: Final = "tickets"

_refusing = metrics.gauge("ingest_refusing", "1 while tickets is 48 hours behind")


class Backlog:
    """Whether an item that tickets has not consumed is older than 48 hours."""

    def __init__(self, settings: CommonSettings, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self.too_old = False

    async def look(self, beat: Heartbeat) -> None:
        """A body for Loops, each 30 seconds; while Kafka is away the last verdict stays."""
        beat.beat()
        async with AsyncExitStack() as stack:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.kafka_bootstrap_servers)
            stack.push_async_callback(_close, admin)
            await admin.start()
            consumer = AIOKafkaConsumer(bootstrap_servers=self._settings.kafka_bootstrap_servers)
            stack.push_async_callback(_leave, consumer)
            await consumer.start()
            self.too_old = await self._is_too_old(admin, consumer)
        _refusing.set(self.too_old)

    async def _is_too_old(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> bool:
        topic = self._settings.topic(INBOUND_EVENTS.name)
        parts = [TopicPartition(topic, number) for number in range(INBOUND_EVENTS.partitions)]
        limit_ms = int((self._now() - OLDEST).timestamp() * 1000)
        young = await consumer.offsets_for_times(dict.fromkeys(parts, limit_ms))
        oldest = await consumer.beginning_offsets(parts)
        ends = await consumer.end_offsets(parts)
        committed = await admin.list_consumer_group_offsets(self._settings.group(_CONSUMER))
        done = {part: found.offset for part, found in committed.items()}
        first_young = {part: at.offset if (at := young[part]) else ends[part] for part in parts}
        return any(_next(part, done, oldest) < min(first_young[part], ends[part]) for part in parts)


async def _close(admin: AIOKafkaAdminClient) -> None:
    """To its end, also when the loop is cancelled again meanwhile."""
    await tasks.undisturbed(admin.close())


async def _leave(consumer: AIOKafkaConsumer) -> None:
    await tasks.undisturbed(leave(consumer))


def _next(
    part: TopicPartition,
    done: Mapping[TopicPartition, int],
    oldest: Mapping[TopicPartition, int],
) -> int:
    """The first offset that tickets has to read; -1 or missing: it has never committed."""
    return max(done.get(part, -1), oldest[part])
