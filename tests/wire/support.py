"""What the wire tests share: messages, waiting for a condition, topics, a proxy that can be cut."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.contracts.envelope import Envelope
from shared.contracts.topics import TOPICS
from shared.plumbing.kafka import Outgoing, Producer
from shared.plumbing.kafka.messages import Record
from shared.plumbing.partitions import partition_of
from shared.plumbing.settings import CommonSettings

TOPIC = "inbound.events"


def message(key: bytes, number: int, topic: str = TOPIC, body: bytes | None = None) -> Outgoing:
    envelope = Envelope(
        id=f"{key.decode()}-{number}",
        type="inbound.Test.v1",
        source="tests",
        time=datetime.now(UTC),
    )
    return Outgoing(topic, key, envelope, str(number).encode() if body is None else body)


def neighbours(count: int, partition: int = 3) -> list[bytes]:
    """So many keys that lie on one partition."""
    found = (b"key%d" % n for n in range(100_000))
    here = (key for key in found if partition_of(key, TOPICS[TOPIC].partitions) == partition)
    return [next(here) for _ in range(count)]


async def publish(settings: CommonSettings, messages: Iterable[Outgoing]) -> None:
    producer = Producer(settings)
    await producer.start()
    await producer.send_all(list(messages))
    await producer.stop()


async def create_topics(settings: CommonSettings, *names: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    topics = [TOPICS[name] for name in names]
    await admin.create_topics(
        [
            NewTopic(settings.topic(t.name), t.partitions, 1, topic_configs=t.config())
            for t in topics
        ]
    )
    await admin.close()


async def committed(settings: CommonSettings, group: str, partition: int) -> int | None:
    """The offset that the group has committed on a partition of TOPIC."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group(group),
        enable_auto_commit=False,
    )
    await consumer.start()
    part = TopicPartition(settings.topic(TOPIC), partition)
    consumer.assign([part])
    offset = await consumer.committed(part)
    await consumer.stop()
    return offset


async def everything(settings: CommonSettings, topic: str) -> list[tuple[bytes, bytes]]:
    """Keys and bodies of a topic, partition by partition, in order."""
    found = await all_records(settings, topic)
    return [(record.key or b"", record.value or b"") for record in found]


async def all_records(settings: CommonSettings, topic: str) -> list[Record]:
    """Every record of a topic, partition by partition, in order."""
    consumer = AIOKafkaConsumer(
        settings.topic(topic),
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=None,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    ends = await consumer.end_offsets(consumer.assignment())
    found: list[Record] = []
    while any([await consumer.position(part) < end for part, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found.extend(records)
    await consumer.stop()
    return found


class Proxy:
    """A way to a server that can be cut and mended."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, there_writer}
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
