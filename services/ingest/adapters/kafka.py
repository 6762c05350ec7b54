"""Produce items to Kafka within the deadline of Meta's request."""

import asyncio
from collections.abc import Sequence

from services.ingest.handlers.ports import NotAcknowledgedError, UnstorableError
from shared.plumbing.kafka import (
    MessageTooLargeError,
    Outgoing,
    Producer,
    PublishFailedError,
)


class DeadlinePublisher:
    """The producer behind a deadline of ingest's own.

    The producer cleans up after a failure in its own time; Meta's answer does not wait for that.
    """

    def __init__(self, producer: Producer, *, deadline_seconds: float, at_once: int) -> None:
        self._producer = producer
        self._at_once = at_once
        self._deadline_seconds = deadline_seconds
        self._running: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        """So many POSTs wait for Kafka that one more would only make others miss the deadline.

        Without this, offering a little more than can be done makes nearly all of it late.
        """
        return len(self._running) >= self._at_once

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are acknowledged; raises NotAcknowledgedError, UnstorableError."""
        task = asyncio.create_task(self._producer.send_all(messages))
        self._running.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=self._deadline_seconds)
        if not task.done():
            raise NotAcknowledgedError
        try:
            task.result()
        except PublishFailedError as error:
            raise NotAcknowledgedError from error
        except MessageTooLargeError as error:
            raise UnstorableError from error

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also when nobody waited any more
