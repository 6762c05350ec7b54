"""The feed of tickets: the whole history, where Kafka keeps 72 hours (D6)."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from services.projections.adapters.event_decoder import delivered, event_of
from services.projections.domain.events import Event
from services.projections.handlers.ports import Delivery, Page
from shared.contracts.internal_api import FeedPage
from shared.plumbing import tasks
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


class Feed:
    """`GET /internal/events` of tickets."""

    def __init__(self, client: InternalClient, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def pages(self, log_id: int, most: int) -> AsyncGenerator[Page]:
        """The whole log from there to its end, in pages of about `most` events.

        The next one is asked for while the caller works on the one before.
        """
        asked = asyncio.create_task(self.after(log_id, most))
        try:
            while True:
                page = await asked
                if not page.last:
                    asked = asyncio.create_task(self.after(page.next_after, most))
                yield page
                if page.last:
                    return
        finally:
            await tasks.end(asked)

    async def after(self, log_id: int, most: int) -> Page:
        """The next `most` events or a few more of the whole log; fewer at its end."""
        deliveries: list[Delivery] = []
        while True:
            asked_at = self._now()
            page = _read(await self._get({"after": str(log_id), "limit": _PAGE_EVENTS}))
            deliveries += [delivered(event) for event in page.events]
            log_id = page.next_after
            if len(deliveries) >= most or log_id >= page.head:
                return Page(page.epoch, deliveries, log_id, page.head, asked_at)

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
