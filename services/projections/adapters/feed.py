"""The feed of tickets, as deliveries that Kafka would have brought (D6)."""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from services.projections.adapters.event_decoder import delivered, event_of
from services.projections.domain.events import Event
from services.projections.handlers.ports import Page
from shared.plumbing import feed


class Feed:
    """Every method raises FeedAwayError, FeedRefusedError."""

    def __init__(self, client: feed.FeedClient) -> None:
        self._client = client

    async def pages(self, log_id: int, most: int) -> AsyncGenerator[Page]:
        """The whole log from there to its end, in pages of about `most` events."""
        async for page in self._client.pages(log_id, at_least=most):
            yield _delivered(page)

    async def after(self, log_id: int, most: int) -> Page:
        """The next `most` events or a few more of the whole log; fewer at its end."""
        return _delivered(await self._client.page(log_id, at_least=most))

    async def stream(self, stream: UUID, from_version: int) -> Sequence[Event]:
        """The events of one stream from a version on."""
        return [event_of(event) for event in await self._client.stream(stream, from_version)]


def _delivered(page: feed.Page) -> Page:
    deliveries = [delivered(event) for event in page.events]
    return Page(page.epoch, deliveries, page.next_after, page.head, page.asked_at)
