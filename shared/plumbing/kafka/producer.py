"""An idempotent producer with acks of all replicas and a deadline."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.contracts.topics import MAX_MESSAGE_BYTES
from shared.plumbing import logs, metrics, tracing
from shared.plumbing.kafka.headers import Headers, to_headers
from shared.plumbing.kafka.messages import LARGEST_MESSAGE_BYTES, Outgoing
from shared.plumbing.retrying import retry
from shared.plumbing.settings import CommonSettings
from shared.plumbing.transient import TransientError

_DEADLINE_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 3.0
_BATCH_BYTES: Final = 256 * 1024  # per partition
_ROOM_BYTES: Final = 64 * 1024

_published = metrics.counter("published", "Messages that Kafka acknowledged", ["topic"])
_failed = metrics.counter(
    "publish_failures", "Calls of send_all that failed, whatever was acknowledged"
)
_rebuilt = metrics.counter("producer_rebuilds", "Producers that were given up after an error")
_log = logs.get(__name__)


class PublishFailedError(TransientError):
    """Not every message was acknowledged, but some may be: send all again, in the same order."""


class MessageTooLargeError(ValueError):
    """This message can never be published; nothing of its batch was sent."""

    def __init__(self, message: Outgoing) -> None:
        super().__init__(message.envelope.type)
        self.message = message


class Producer:
    """One producer per process.

    An idempotent aiokafka producer never gives up a batch, and may stay broken after a broker's
    failure (aiokafka #1017). So at the deadline, or on an error, it is thrown away with what it
    still holds, and the next call builds another.
    """

    def __init__(
        self, settings: CommonSettings, *, deadline_seconds: float = _DEADLINE_SECONDS
    ) -> None:
        self._settings = settings
        self._deadline_seconds = deadline_seconds
        self._current: AIOKafkaProducer | None = None
        self._building = asyncio.Lock()
        self._stopped = False

    async def connect(self) -> None:
        """Connect once; raises KafkaError, OSError, TimeoutError."""
        self._stopped = False
        await self._producer()

    async def start(self) -> None:
        """Connect; tries again with back-off for as long as it takes."""
        self._stopped = False
        away = (KafkaError, OSError, TimeoutError)
        await retry(self._unless_stopped, away, longest_seconds=3.0)

    async def _unless_stopped(self) -> None:
        if not self._stopped:
            await self._producer()

    async def stop(self) -> None:
        """Flush within a few seconds, then end whatever is left."""
        self._stopped = True
        producer, self._current = self._current, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await producer.flush()
        except TimeoutError:
            _log.warning("producer stopped with messages left")
        await _give_up(producer)

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        """Publish in order; returns when ALL are acknowledged.

        Raises MessageTooLargeError before anything is sent, PublishFailedError when the deadline
        passed or Kafka refused.
        """
        prepared = [(message, to_headers(message.envelope)) for message in messages]
        for message, headers in prepared:
            if _size(message, headers) > LARGEST_MESSAGE_BYTES:
                raise MessageTooLargeError(message)
        if not prepared:
            return
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._deadline_seconds):
                producer = await self._producer()
                with tracing.publishing(prepared):
                    await self._pipeline(producer, prepared)
        except (KafkaError, OSError, TimeoutError) as error:
            _failed.inc()
            await self._replace(producer, error)
            raise PublishFailedError from error
        for message in messages:
            _published.labels(topic=message.topic).inc()

    async def _pipeline(
        self, producer: AIOKafkaProducer, prepared: Iterable[tuple[Outgoing, Headers]]
    ) -> None:
        waiting: list[asyncio.Future[Any]] = []
        try:
            for message, headers in prepared:
                future = await producer.send(
                    self._settings.topic(message.topic),
                    message.body or None,
                    message.key,
                    headers=headers,
                )
                waiting.append(future)
            await asyncio.gather(*waiting)
        finally:
            for future in waiting:
                future.add_done_callback(_looked_at)

    async def _producer(self) -> AIOKafkaProducer:
        async with self._building:
            if self._current is None:
                self._current = await self._build()
            return self._current

    async def _build(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            client_id=self._settings.instance,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_MESSAGE_BYTES + _ROOM_BYTES,
            metadata_max_age_ms=30_000,
            request_timeout_ms=int(self._deadline_seconds * 1000),
        )
        try:
            async with asyncio.timeout(self._deadline_seconds):
                await producer.start()
        except BaseException:
            await _give_up(producer)
            raise
        return producer

    async def _replace(self, producer: AIOKafkaProducer | None, error: BaseException) -> None:
        if producer is None or producer is not self._current:
            return  # another caller has seen to it
        self._current = None
        _rebuilt.inc()
        _log.warning("producer given up", exc_info=error)
        await _give_up(producer)


async def _give_up(producer: AIOKafkaProducer) -> None:
    """End it without the flush of its stop(), which waits for a broker that may never come back.

    Whoever still waits for one of its messages is freed by their own deadline.
    """
    inner = cast("Any", producer)
    inner._closed = True  # noqa: SLF001
    sender: asyncio.Task[None] | None = inner._sender.sender_task  # noqa: SLF001
    if sender is not None:
        sender.cancel()
    with suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(_STOP_SECONDS):
            await producer.client.close()


def _size(message: Outgoing, headers: Headers) -> int:
    return len(message.key) + len(message.body) + sum(len(n) + len(v) + 4 for n, v in headers)


def _looked_at(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
