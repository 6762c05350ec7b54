"""`guiche lag` tells who is behind, by how many records and for how long."""

from time import time

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.lagging import measure
from shared.plumbing.settings import CommonSettings
from tests.support.stack import Kafka
from tests.wire.support import TOPIC, create_topics, message, neighbours, publish

PARTITION = 3


@pytest.fixture
async def settings(kafka: Kafka, kafka_prefix: str) -> CommonSettings:
    made = CommonSettings(kafka_bootstrap_servers=kafka.bootstrap, kafka_prefix=kafka_prefix)
    await create_topics(made, TOPIC)
    return made


async def _commit(settings: CommonSettings, offset: int) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group("tickets"),
        enable_auto_commit=False,
    )
    part = TopicPartition(settings.topic(TOPIC), PARTITION)
    await consumer.start()
    consumer.assign([part])
    await consumer.commit({part: offset})
    await consumer.stop()


async def test_a_group_that_is_behind_is_told_with_the_age_of_its_oldest_record(
    settings: CommonSettings,
) -> None:
    (key,) = neighbours(1, PARTITION)
    before = time()
    await publish(settings, [message(key, number) for number in range(3)])
    await _commit(settings, 1)

    (reader,) = await measure(settings)

    assert (reader.reader, reader.reads) == (settings.group("tickets"), TOPIC)
    assert reader.behind == 2
    assert 0 < reader.seconds <= time() - before + 1


async def test_a_group_that_has_read_all_is_not_behind(settings: CommonSettings) -> None:
    (key,) = neighbours(1, PARTITION)
    await publish(settings, [message(key, 1)])
    await _commit(settings, 1)

    (reader,) = await measure(settings)

    assert (reader.behind, reader.seconds) == (0, 0.0)
