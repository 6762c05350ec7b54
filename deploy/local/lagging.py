"""`guiche lag`: how many seconds behind is each consumer group, and each position of our own?"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import time
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.addresses import processes
from deploy.local.reports import Report, reports
from shared.contracts.topics import MAX_MESSAGE_BYTES, TOPICS
from shared.plumbing.settings import CommonSettings

_READ_MS: Final = 5_000
_HTTP_SECONDS: Final = 5.0
# What a service follows by a position in its own tables, and the gauge that says how far behind.
_POSITIONS: Final = {
    "guiche_relay_oldest_unpublished_seconds": "the log",
    "guiche_projection_lag_seconds": "tickets.events",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what, and how far behind it is."""

    reader: str
    reads: str
    seconds: float
    behind: int | None = None  # records; None for a position of our own

    def as_row(self) -> dict[str, str | float | bool]:
        """For a table or JSON."""
        behind = "" if self.behind is None else self.behind
        return {
            "reader": self.reader,
            "reads": self.reads,
            "seconds": round(self.seconds, 1),
            "records": behind,
        }


async def measure(settings: CommonSettings) -> list[Reader]:
    """Every reader, the groups of Kafka first."""
    return [*await _groups(settings), *await _positions()]


async def _groups(settings: CommonSettings) -> list[Reader]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        await consumer.start()
        groups = [name for name, *_ in await admin.list_consumer_groups()]
        return [
            reader
            for group in sorted(groups)
            if group.startswith(settings.kafka_prefix)
            for reader in await _group(settings, admin, consumer, group)
        ]
    finally:
        with suppress(KafkaError, OSError):
            await consumer.stop()
            await admin.close()


async def _group(
    settings: CommonSettings, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str
) -> list[Reader]:
    names = {settings.topic(name): name for name in TOPICS}
    offsets: Mapping[TopicPartition, Any] = await admin.list_consumer_group_offsets(group)
    committed = {part: meta.offset for part, meta in offsets.items() if part.topic in names}
    ends = await consumer.end_offsets(list(committed))
    readers: list[Reader] = []
    for topic in sorted({part.topic for part in committed}):
        late = {
            part: offset
            for part, offset in committed.items()
            if part.topic == topic and offset < ends[part]
        }
        behind = sum(ends[part] - offset for part, offset in late.items())
        readers.append(Reader(group, names[topic], await _age(consumer, late), behind))
    return readers


async def _age(consumer: AIOKafkaConsumer, late: Mapping[TopicPartition, int]) -> float:
    """The age of the oldest record that was not committed."""
    if not late:
        return 0.0
    consumer.assign(list(late))
    for part, offset in late.items():
        consumer.seek(part, offset)
    oldest: dict[TopicPartition, int] = {}
    while len(oldest) < len(late):
        found = await consumer.getmany(timeout_ms=_READ_MS)
        if not found:
            break  # what was late has been deleted or compacted meanwhile
        for part, records in found.items():
            oldest.setdefault(part, records[0].timestamp)
    return max((time() - stamp / 1000 for stamp in oldest.values()), default=0.0)


async def _positions() -> list[Reader]:
    urls = processes()
    timeout = aiohttp.ClientTimeout(total=_HTTP_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        found = await reports(http, urls)
    return [reader for name, report in found.items() for reader in _of(name, report)]


def _of(name: str, report: Report) -> list[Reader]:
    return [
        Reader(name, what, report.total(metric))
        for metric, what in _POSITIONS.items()
        if metric in report.samples
    ]
