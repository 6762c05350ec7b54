"""How is history read? From tickets, as Kafka would have brought it (D6)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from services.bot.handlers.ports import Page
from shared.contracts.envelope import Envelope
from shared.contracts.internal_api import FeedEvent, FeedPage
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.kafka import Received
from shared.plumbing.kafka.headers import to_headers
from shared.plumbing.kafka.messages import Record
from shared.plumbing.partitions import partition_of
from shared.plumbing.transient import TransientError

_PAGE_EVENTS: Final = "500"
_PRINCIPAL: Final = "bot"
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


class FeedAwayError(TransientError):
    """tickets, or what it needs, is away."""


class TicketsFeed:
    """`GET /internal/events` of tickets."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def after(self, log_id: int) -> Page:
        """The next page of the whole log."""
        page = _read(await self._get({"after": str(log_id), "limit": _PAGE_EVENTS}))
        messages = [_received(event) for event in page.events]
        return Page(page.epoch, messages, page.next_after, page.head)

    async def stream(self, stream: UUID, from_version: int) -> Sequence[Received]:
        """The messages of one stream from a version on."""
        found: list[Received] = []
        while True:
            params = {"stream": str(stream), "from": str(from_version), "limit": _PAGE_EVENTS}
            page = _read(await self._get(params)).events
            found += [_received(event) for event in page]
            if not page:
                return found
            from_version = page[-1].version + 1

    async def _get(self, params: dict[str, str]) -> Answer:
        answer = await self._client.get(
            "/internal/events", account=None, principal=_PRINCIPAL, params=params, deadline=15.0
        )
        if answer.status in _AWAY:
            raise FeedAwayError(answer.status)
        if answer.status != HTTPStatus.OK:
            raise FeedRefusedError(answer.status)
        return answer


def as_record(received: Received) -> Record:
    """As Kafka would have brought it, to be parked."""
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


def _read(answer: Answer) -> FeedPage:
    return FeedPage.model_validate_json(answer.body)


def _received(event: FeedEvent) -> Received:
    """The offset is below zero: none of Kafka's can be that."""
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
