"""One look at the system from outside: lists, counters, timelines, and Meta's side."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from deploy.simulator.customers.plan import Conversation, Webhook
from tests.checks.agent import VIEWS, Json
from tests.checks.book import Book
from tests.checks.screen import Screen
from tests.checks.system import System


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many things of a kind were judged, and what differs."""

    what: str
    judged: int
    differences: list[str]


@dataclass(frozen=True)
class Look:
    """What was found, and how it hangs together."""

    book: Book
    views: Mapping[str, Mapping[str, list[Json]]]  # by agent
    counts: Mapping[str, Json]  # by agent
    timelines: Mapping[str, list[Json]]  # by ticket: all lines of its conversation
    requests: Sequence[Json]
    items: Sequence[Json]
    screens: Sequence[Screen]
    parked: int

    @cached_property
    def cards(self) -> dict[str, Json]:
        """Each ticket, as the first agent sees it."""
        first = next(iter(self.views.values()))
        return {card["id"]: card for name in VIEWS for card in first[name]}

    @cached_property
    def view_of(self) -> dict[str, str]:
        """In which list each ticket stands."""
        first = next(iter(self.views.values()))
        return {card["id"]: name for name in VIEWS for card in first[name]}

    @cached_property
    def conversation_of(self) -> dict[str, Conversation]:
        """By ticket, whose messages are under it."""
        found: dict[str, Conversation] = {}
        for ticket in self.timelines:
            written = (webhook for _, webhook in self.inbound(ticket) if webhook is not None)
            first = next(written, None)
            if first is not None:
                found[ticket] = first.conversation
        return found

    @cached_property
    def outgoing(self) -> list[Json]:
        """Every line that says something to a customer, once."""
        lines = [
            line
            for ticket, lines in self.timelines.items()
            for line in lines
            if line["ticket_id"] == ticket and line["kind"] == "message"
        ]
        return [line for line in lines if line["direction"] == "out"]

    def inbound(self, ticket: str) -> Iterator[tuple[Json, Webhook | None]]:
        """What the customer of a ticket's conversation wrote, in order."""
        return self.book.inbound(self.cards[ticket], self.timelines[ticket])


async def look(system: System, book: Book, screens: Sequence[Screen]) -> Look:
    """Ask everybody for everything."""
    agents = [screen.agent for screen in screens]
    views = dict(
        zip(
            (agent.id for agent in agents),
            await asyncio.gather(*(agent.views() for agent in agents)),
            strict=True,
        )
    )
    counts = {agent.id: await agent.get("/v1/counts") for agent in agents}
    tickets = [card["id"] for name in VIEWS for card in views[agents[0].id][name]]
    some = asyncio.Semaphore(8)

    async def timeline(ticket: str, number: int) -> list[Json]:
        async with some:
            return await agents[number % len(agents)].timeline(ticket)

    timelines = await asyncio.gather(*(timeline(t, n) for n, t in enumerate(tickets)))
    return Look(
        book=book,
        views=views,
        counts=counts,
        timelines=dict(zip(tickets, timelines, strict=True)),
        requests=await system.ledger("requests"),
        items=await system.ledger("items"),
        screens=screens,
        parked=await system.parked(),
    )
