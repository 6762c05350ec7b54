"""How is history read? From tickets, not from Kafka, which forgets after 72 hours (D6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from services.projections.adapters.reading import delivered, event_of
from services.projections.domain.events import Event
from services.projections.handlers.ports import Delivery
from shared.contracts.internal_api import FeedPage
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.transient import TransientError

_PAGE_EVENTS = "1000"
_PRINCIPAL = "projections"
_AWAY = frozenset(
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


@dataclass(frozen=True, slots=True)
class Page:
    """Events in log order; everything up to `next_after` has been read."""

    epoch: int
    deliveries: Sequence[Delivery]
    next_after: int
    head: int


class Feed:
    """`GET /internal/events` of tickets."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def after(self, log_id: int) -> Page:
        """The next page of the whole log."""
        page = _read(await self._get({"after": str(log_id), "limit": _PAGE_EVENTS}))
        deliveries = [delivered(event) for event in page.events]
        return Page(page.epoch, deliveries, page.next_after, page.head)

    async def stream(self, stream: UUID, from_version: int) -> Sequence[Event]:
        """The events of one stream from a version on."""
        params = {"stream": str(stream), "from": str(from_version), "limit": _PAGE_EVENTS}
        return [event_of(event) for event in _read(await self._get(params)).events]

    async def _get(self, params: dict[str, str]) -> Answer:
        answer = await self._client.get(
            "/internal/events", account=None, principal=_PRINCIPAL, params=params, deadline=15.0
        )
        if answer.status in _AWAY:
            raise FeedAwayError(answer.status)
        if answer.status != HTTPStatus.OK:
            raise FeedRefusedError(answer.status)
        return answer


def _read(answer: Answer) -> FeedPage:
    return FeedPage.model_validate_json(answer.body)
