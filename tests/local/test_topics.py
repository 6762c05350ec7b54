"""Topics are created as the registry says, and a cluster that differs is refused."""

from dataclasses import replace

import pytest

from deploy import topics
from shared.contracts.topics import INBOUND_EVENTS, TOPICS
from shared.plumbing.settings import CommonSettings
from tests.support.stack import Kafka


@pytest.fixture
def settings(kafka: Kafka, kafka_prefix: str) -> CommonSettings:
    return CommonSettings(kafka_bootstrap_servers=kafka.bootstrap, kafka_prefix=kafka_prefix)


async def test_all_topics_are_created_once(settings: CommonSettings) -> None:
    assert len(await topics.differences(settings)) == len(TOPICS)

    assert await topics.apply(settings) == len(TOPICS)
    assert await topics.apply(settings) == 0
    assert await topics.differences(settings) == []


@pytest.mark.parametrize("change", [{"partitions": 12}, {"retention_ms": None}])
async def test_a_topic_of_another_shape_is_refused(
    settings: CommonSettings, monkeypatch: pytest.MonkeyPatch, change: dict[str, int | None]
) -> None:
    with monkeypatch.context() as other_registry:
        other_registry.setitem(TOPICS, INBOUND_EVENTS.name, replace(INBOUND_EVENTS, **change))  # pyright: ignore[reportArgumentType]
        await topics.apply(settings)

    with pytest.raises(topics.TopicsDifferError, match=r"inbound\.events has"):
        await topics.apply(settings)
