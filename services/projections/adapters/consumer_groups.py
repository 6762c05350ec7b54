"""The consumer group of each model, and how Kafka forgets the one of a model that is gone."""

import asyncio
from time import monotonic
from typing import Any, Final, cast

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from shared.plumbing.settings import CommonSettings

_GONE: Final = frozenset({0, 69})  # Kafka's codes: deleted, not there
_AGAIN_SECONDS: Final = 0.5


class GroupStaysError(Exception):
    """Kafka did not delete the group; its code (68: a member is still there)."""


def group_of(settings: CommonSettings, number: int) -> str:
    """The consumer group that follows Kafka for a model."""
    return settings.group("projections" if number == 1 else f"projections.v{number}")


async def forget_group(settings: CommonSettings, group: str, *, seconds: float) -> None:
    """Delete the group once its members have left; raises GroupStaysError, KafkaError.

    Our consumers are static members: Kafka takes them for living until their session has ended.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    deadline = monotonic() + seconds
    await admin.start()
    try:
        while (code := await _deleted(admin, group)) not in _GONE:
            if monotonic() > deadline:
                raise GroupStaysError(code)
            await asyncio.sleep(_AGAIN_SECONDS)
    finally:
        await admin.close()


async def _deleted(admin: AIOKafkaAdminClient, group: str) -> int:
    """Kafka's code; aiokafka has the request, but no verb for it."""
    inner = cast("Any", admin)
    coordinator = await inner.find_coordinator(group)
    answer = await inner._send_request_to_node(coordinator, DeleteGroupsRequest([group]))  # noqa: SLF001
    return answer.results[0][1]
