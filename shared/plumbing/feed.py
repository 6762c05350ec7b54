"""History from tickets, as Kafka would have brought it: `GET /internal/events` (D6)."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from shared.contracts.envelope import Envelope
from shared.contracts.internal_api import FeedEvent, FeedPage
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import tasks
from shared.plumbing.http import InternalClient
from shared.plumbing.kafka.headers import to_headers
from shared.plumbing.kafka.messages import Received, Record
from shared.plumbing.partitions import partition_of
from shared.plumbing.transient import TransientError

_PATH: Final = "/internal/events"
_DEADLINE_SECONDS: Final = 15.0
_MOST: Final = 1_000  # events of one answer
_AWAY: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class FeedRefusedError(Exception):
    """tickets answered, but not with events."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class FeedAwayError(TransientError):
    """tickets, or what it needs, is away."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events in log order. Everything up to log id `next_after` has been read.

    `head` is the highest log id that there was, `asked_at` the instant before the question.
    """

    epoch: int
    events: Sequence[FeedEvent]
    next_after: int
    head: int
    asked_at: datetime

    @property
    def last(self) -> bool:
        """Whether it ends where the log ended."""
        return self.next_after >= self.head


class FeedClient:
    """Reads tickets' log for `service`; every method raises FeedAwayError, FeedRefusedError."""

    def __init__(
        self, tickets: InternalClient, service: str, *, now: Callable[[], datetime]
    ) -> None:
        self._tickets = tickets
        self._service = service
        self._now = now

    async def page(self, after: int, *, at_least: int = 1) -> Page:
        """`at_least` events after a log id, and up to 1,000 more; fewer at the log's end."""
        events: list[FeedEvent] = []
        asked_at = self._now()
        while True:
            found = await self._get({"after": str(after), "limit": str(_MOST)})
            events += found.events
            after = found.next_after
            if len(events) >= at_least or after >= found.head:
                return Page(found.epoch, events, after, found.head, asked_at)

    async def pages(self, after: int, *, at_least: int = 1) -> AsyncGenerator[Page]:
        """The log from there to its end; the next page is fetched while the caller works."""
        asked = asyncio.create_task(self.page(after, at_least=at_least))
        try:
            while True:
                page = await asked
                if not page.last:
                    asked = asyncio.create_task(self.page(page.next_after, at_least=at_least))
                yield page
                if page.last:
                    return
        finally:
            await tasks.end(asked)

    async def stream(self, stream: UUID, from_version: int) -> Sequence[FeedEvent]:
        """All events of one stream from a version on."""
        events: list[FeedEvent] = []
        while True:
            params = {"stream": str(stream), "from": str(from_version), "limit": str(_MOST)}
            found = (await self._get(params)).events
            events += found
            if not found:
                return events
            from_version = found[-1].version + 1

    async def _get(self, params: dict[str, str]) -> FeedPage:
        answer = await self._tickets.get(
            _PATH,
            account=None,
            principal=self._service,
            params=params,
            deadline=_DEADLINE_SECONDS,
        )
        if answer.status in _AWAY:
            raise FeedAwayError(answer.status)
        if answer.status != HTTPStatus.OK:
            raise FeedRefusedError(answer.status)
        return FeedPage.model_validate_json(answer.body)


def as_received(event: FeedEvent) -> Received:
    """The event as a message of tickets.events; its offset is negative, as none of Kafka's is."""
    envelope = Envelope(
        id=event.id,
        type=event.type,
        source=event.source,
        time=event.time,
        subject=event.subject,
        account=event.account,
        position=event.position,
        stream=event.stream,
        version=event.version,
        causation=event.causation,
        correlation=event.correlation,
        actor=event.actor,
    )
    key = event.key.encode()
    return Received(
        topic=TICKETS_EVENTS.name,
        partition=partition_of(key, TICKETS_EVENTS.partitions),
        offset=-(envelope.log_id or 0),
        key=key,
        envelope=envelope,
        body=event.body.encode(),
        timestamp_ms=int(event.time.timestamp() * 1000),
    )


def as_record(received: Received) -> Record:
    """The message as Kafka would have brought it, to be parked."""
    return ConsumerRecord(
        topic=received.topic,
        partition=received.partition,
        offset=received.offset,
        timestamp=received.timestamp_ms,
        timestamp_type=0,
        key=received.key,
        value=received.body,
        checksum=None,
        serialized_key_size=len(received.key),
        serialized_value_size=len(received.body),
        headers=to_headers(received.envelope),
    )
