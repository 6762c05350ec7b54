"""What stands on a topic."""

from aiokafka import AIOKafkaConsumer

from shared.plumbing.kafka import Received
from shared.plumbing.kafka.consumption import read
from shared.plumbing.settings import CommonSettings


async def messages_of(settings: CommonSettings, topic: str) -> list[Received]:
    """Every message of the topic, partition by partition, in order."""
    consumer = AIOKafkaConsumer(
        settings.topic(topic),
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=None,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=5 * 1024 * 1024,
    )
    await consumer.start()
    ends = await consumer.end_offsets(consumer.assignment())
    found: list[Received] = []
    while any([await consumer.position(part) < end for part, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            readable = [read(record, topic) for record in records]
            assert None not in readable
            found.extend(message for message in readable if message)
    await consumer.stop()
    return found
