"""A group whose place in a topic is lost begins at the oldest record, never at the newest (F16)."""

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.plumbing.kafka import Received
from shared.plumbing.parking import Parking
from shared.plumbing.settings import CommonSettings
from tests.support.waiting import until_true
from tests.wire.conftest import Consume
from tests.wire.support import TOPIC, message, neighbours, publish


async def commit(settings: CommonSettings, partition: int, offset: int) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group("tests"),
        enable_auto_commit=False,
    )
    await consumer.start()
    part = TopicPartition(settings.topic(TOPIC), partition)
    consumer.assign([part])
    await consumer.commit({part: offset})
    await consumer.stop()


async def test_who_was_further_than_the_topic_is_begins_at_its_oldest_record(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    """The topic was made anew, or came back from a backup."""
    seen: list[Received] = []

    async def handle(received: Received) -> None:
        seen.append(received)

    await publish(settings, [message(key, n) for n, key in enumerate(neighbours(5))])
    await commit(settings, 3, 1_000)
    await consume(handle=handle, parking=parking)
    await until_true(lambda: len(seen) == 5, 40)
