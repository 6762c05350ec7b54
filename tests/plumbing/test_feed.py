"""The log in pages, a stream whole, and each event as Kafka would have brought it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from shared.contracts.internal_api import FeedEvent, FeedPage
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.feed import FeedAwayError, FeedClient, FeedRefusedError, as_received, as_record
from shared.plumbing.http import InternalClient
from shared.plumbing.kafka.consumption import read
from shared.plumbing.partitions import partition_of
from shared.plumbing.tokens import TokenSigner, TokenVerifier
from tests.plumbing.conftest import Serve

STREAM, ACCOUNT = UUID(int=5), UUID(int=9)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(log_id: int) -> FeedEvent:
    return FeedEvent(
        key="contact-1",
        id=f"id-{log_id}",
        type="tickets.TicketOpened.v1",
        source="tickets",
        time=NOON,
        subject="s",
        account=ACCOUNT,
        position=f"3.{log_id}",
        stream=STREAM,
        version=log_id,
        causation=None,
        correlation="c",
        actor="bot",
        body='{"a":1}',
    )


class Tickets:
    """A log of `events`; two of them in each answer."""

    def __init__(self, keys: Path, events: Sequence[FeedEvent]) -> None:
        self.events = events
        self.status = 200
        self.asked: list[dict[str, str]] = []
        self._verifier = TokenVerifier("tickets", keys)

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        assert self._verifier.verify(token).principal == "bot"
        query = dict(request.query)
        self.asked.append(query)
        if "stream" in query:
            first = int(query["from"])
            found = [each for each in self.events if each.version >= first][:2]
        else:
            found = [each for each in self.events if each.version > int(query["after"])][:2]
        after = found[-1].version if found else int(query.get("after", "0"))
        page = FeedPage(epoch=3, events=found, next_after=after, head=len(self.events))
        return web.Response(status=self.status, text=page.model_dump_json())


@pytest.fixture
def tickets(keys_dir: Path) -> Tickets:
    return Tickets(keys_dir, [event(number) for number in range(1, 6)])


@pytest.fixture
async def feed(
    tickets: Tickets, serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> FeedClient:
    signer = TokenSigner("bot", keys_dir)
    client = InternalClient(signer, "tickets", [await serve(tickets.answer)], lambda: session)
    return FeedClient(client, "bot", now=lambda: NOON)


async def test_a_page_has_as_many_events_as_were_asked_for_or_ends_the_log(
    feed: FeedClient,
) -> None:
    page = await feed.page(0, at_least=3)
    assert [each.version for each in page.events] == [1, 2, 3, 4]
    assert (page.epoch, page.next_after, page.head, page.last) == (3, 4, 5, False)
    assert page.asked_at == NOON
    rest = await feed.page(4, at_least=3)
    assert ([each.version for each in rest.events], rest.last) == ([5], True)


async def test_pages_lead_to_the_end_of_the_log(feed: FeedClient) -> None:
    pages = [page async for page in feed.pages(1)]
    assert [[each.version for each in page.events] for page in pages] == [[2, 3], [4, 5]]
    assert [page.last for page in pages] == [False, True]


async def test_the_next_page_is_on_its_way_while_the_caller_works(
    feed: FeedClient, tickets: Tickets
) -> None:
    pages = feed.pages(0)
    async for _ in pages:
        async with asyncio.timeout(5):
            while len(tickets.asked) < 2:  # noqa: ASYNC110  a poll of plain state
                await asyncio.sleep(0.005)
        break
    await pages.aclose()
    assert [query["after"] for query in tickets.asked] == ["0", "2"]


async def test_a_stream_is_read_to_its_end(feed: FeedClient, tickets: Tickets) -> None:
    assert [each.version for each in await feed.stream(STREAM, 2)] == [2, 3, 4, 5]
    assert [query["from"] for query in tickets.asked] == ["2", "4", "6"]


@pytest.mark.parametrize(
    ("status", "error"), [(503, FeedAwayError), (429, FeedAwayError), (403, FeedRefusedError)]
)
async def test_who_is_away_and_who_refuses_are_told_apart(
    feed: FeedClient, tickets: Tickets, status: int, error: type[Exception]
) -> None:
    tickets.status = status
    with pytest.raises(error):
        await feed.page(0)


def test_an_event_looks_as_kafka_would_have_brought_it() -> None:
    received = as_received(event(7))
    assert received.partition == partition_of(b"contact-1", TICKETS_EVENTS.partitions)
    assert (received.topic, received.key, received.offset) == ("tickets.events", b"contact-1", -7)
    envelope = received.envelope
    assert (envelope.stream, envelope.version, envelope.log_id) == (STREAM, 7, 7)
    assert read(as_record(received), TICKETS_EVENTS.name) == received
