"""Compare the topics with the registry; where they differ no service starts (design.md 4)."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.contracts.topics import TOPICS
from shared.plumbing.settings import CommonSettings
from shared.plumbing.transient import FatalError


class WrongPartitionsError(FatalError):
    """A topic has another number of partitions than the registry: keys would lie elsewhere."""


async def missing_topics(settings: CommonSettings, names: Iterable[str]) -> list[str]:
    """Those of `names` that the cluster does not have yet.

    Raises WrongPartitionsError, and KafkaError or OSError while the cluster is away.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        found = await _partitions(admin, [settings.topic(name) for name in names])
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
    for name in names:
        there = found.get(settings.topic(name))
        if there is not None and there != TOPICS[name].partitions:
            message = f"{name}: {there} partitions, the registry says {TOPICS[name].partitions}"
            raise WrongPartitionsError(message)
    return [name for name in names if settings.topic(name) not in found]


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    described: list[dict[str, Any]] = await admin.describe_topics(names)
    return {
        topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0
    }
