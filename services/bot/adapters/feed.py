"""The feed of tickets, as messages that Kafka would have brought (D6)."""

from collections.abc import Sequence
from uuid import UUID

from services.bot.handlers.ports import Page
from shared.contracts.internal_api import FeedEvent
from shared.plumbing.feed import FeedClient, as_received
from shared.plumbing.kafka import Received


class TicketsFeed:
    """Implements Feed and History; raises FeedAwayError, FeedRefusedError."""

    def __init__(self, client: FeedClient) -> None:
        self._client = client

    async def after(self, log_id: int) -> Page:
        """The next page of the whole log."""
        page = await self._client.page(log_id)
        return Page(page.epoch, _received(page.events), page.next_after, page.head)

    async def stream(self, stream: UUID, from_version: int) -> Sequence[Received]:
        """The messages of one stream from a version on."""
        return _received(await self._client.stream(stream, from_version))


def _received(events: Sequence[FeedEvent]) -> list[Received]:
    return [as_received(event) for event in events]
