"""How do the topics of the registry get to a cluster? Created where missing, refused where other.

`python -m deploy.topics` is the job; the same function serves `make run` and the tests.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from shared.contracts.topics import TOPICS, Topic
from shared.plumbing.settings import CommonSettings

_VISIBLE_SECONDS: Final = 15.0
_REPLICAS: Final = 3  # or as many brokers as there are
_MUST_AGREE: Final = ("max.message.bytes", "cleanup.policy")
_UNKNOWN: Final = 3
_ALREADY_THERE: Final = 36  # by a job that ran at the same time


class TopicsDifferError(Exception):
    """The cluster has a topic of ours with another shape: keys or messages would not fit."""


async def apply(settings: CommonSettings) -> int:
    """Create what is missing, in one call; how many were.

    Returns when all can be seen. Raises TopicsDifferError, before anything is created where it can,
    and KafkaError, OSError or TimeoutError.
    """
    async with _admin(settings) as admin:
        there = await _shapes(admin, settings)
        _refuse(_all_differences(settings, there))
        missing = [topic for topic in TOPICS.values() if settings.topic(topic.name) not in there]
        if missing:
            await _create(admin, settings, missing)
            await _all_there(admin, settings)
    return len(missing)


async def differences(settings: CommonSettings) -> list[str]:
    """What the cluster lacks or has otherwise, a sentence each; nothing is changed."""
    async with _admin(settings) as admin:
        there = await _shapes(admin, settings)
    names = [settings.topic(name) for name in TOPICS]
    absent = [f"{name} is missing" for name in names if name not in there]
    return absent + _all_differences(settings, there)


@asynccontextmanager
async def _admin(settings: CommonSettings) -> AsyncGenerator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        yield admin
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()


async def _all_there(admin: AIOKafkaAdminClient, settings: CommonSettings) -> None:
    async with asyncio.timeout(_VISIBLE_SECONDS):
        while len(there := await _shapes(admin, settings)) < len(TOPICS):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # nobody tells us: metadata has to be asked for
    _refuse(_all_differences(settings, there))


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise TopicsDifferError("; ".join(wrong))


def _all_differences(settings: CommonSettings, there: Mapping[str, dict[str, str]]) -> list[str]:
    return [
        said
        for topic in TOPICS.values()
        if (name := settings.topic(topic.name)) in there
        for said in _differences(name, topic, there[name])
    ]


def _differences(name: str, topic: Topic, shape: dict[str, str]) -> list[str]:
    wanted = topic.config()
    expected = {"partitions": str(topic.partitions), **{key: wanted[key] for key in _MUST_AGREE}}
    return [
        f"{name} has {key} {shape.get(key)}, the registry says {value}"
        for key, value in expected.items()
        if shape.get(key) != value
    ]


async def _shapes(
    admin: AIOKafkaAdminClient, settings: CommonSettings
) -> dict[str, dict[str, str]]:
    described = await admin.describe_topics([settings.topic(name) for name in TOPICS])
    counts = {
        topic["topic"]: len(topic["partitions"])
        for topic in described
        if topic["error_code"] != _UNKNOWN
    }
    if not counts:
        return {}
    wanted = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs=dict.fromkeys(_MUST_AGREE))
        for name in counts
    ]
    answers: list[Any] = await admin.describe_configs(wanted)
    shapes = {name: {"partitions": str(count)} for name, count in counts.items()}
    for answer in answers:
        for error, _, _, name, entries in answer.resources:
            if error:  # of several brokers this one has not heard of a new topic yet
                shapes.pop(name, None)
            else:
                shapes[name].update({entry[0]: entry[1] for entry in entries})
    return shapes


async def _create(
    admin: AIOKafkaAdminClient, settings: CommonSettings, topics: Sequence[Topic]
) -> None:
    cluster = await admin.describe_cluster()
    replicas = min(_REPLICAS, len(cluster["brokers"]))
    in_sync = {"min.insync.replicas": str(max(1, replicas - 1))}
    answer = await admin.create_topics(
        [
            NewTopic(
                settings.topic(topic.name),
                topic.partitions,
                replicas,
                topic_configs={**topic.config(), **in_sync},
            )
            for topic in topics
        ]
    )
    for name, code, *rest in answer.topic_errors:
        if code not in {0, _ALREADY_THERE}:
            raise KafkaError(name, code, *rest)


if __name__ == "__main__":
    made = asyncio.run(apply(CommonSettings()))
    print(f"{made} topics created, {len(TOPICS)} in all")
