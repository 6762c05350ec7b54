"""Close a consumer that we opened ourselves: leave its group, then its connections."""

import asyncio
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

_PATIENCE_SECONDS: Final = 5.0  # a join that is under way ends first: 3 s in a new group


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Stop it, whether or not it had started; a broker that is away is not waited for.

    Within a task that may be cancelled again: `tasks.undisturbed(leave(consumer))`. A stop that is
    cut short leaves a member in the group that takes its partitions and reads nothing.
    """
    with suppress(KafkaError, OSError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await consumer.stop()
