"""What does a system answer? Every ticket, timeline and counter; the feed; what lies on topics."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deploy.local.places import Places
from shared.contracts.internal_api import FeedEvent, FeedPage
from shared.plumbing.tokens import TokenSigner
from tests.checks.agent import Agent, Json
from tests.checks.upgrade.installed import Running
from tests.support.json_difference import differences

VIEWS: Final = ("bot", "aguardando", "atendendo", "resolvidos")
_AT_ONCE: Final = 8

MEANT: Final[Mapping[str, str]] = {
    r"detail\.allowed\.reopen\..*ticket_already_open|detail\.allowed\.reopen\.allowed: was True"
    r"|detail\.allowed\.reopen\.detail: was None": (
        "a closed ticket whose customer has another open one cannot be reopened, and says so now"
    ),
    r"timeline\.\d+\.details: was None": "a happening shows what its event carries",
    r"(card|detail)\.owner: was None, is \{": "a closed ticket shows who had it last",
    r"(card|detail)\.unread: was \d+, is \d+": (
        "what the customer wrote after the message up to which was read stays unread"
    ),
}
"""Pattern of a printed difference -> why a newer system answers something else there."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that an administrator is answered."""

    cards: Mapping[str, Json]  # by ticket; `view` says in which list it stands
    details: Mapping[str, Json]
    timelines: Mapping[str, list[Json]]
    counts: Json

    def of(self, ticket: str) -> Json:
        """All that concerns one ticket."""
        return {
            "card": self.cards.get(ticket),
            "detail": self.details.get(ticket),
            "timeline": self.timelines.get(ticket),
        }


async def answers(agent: Agent) -> Answers:
    """Ask for everything."""
    cards: dict[str, Json] = {}
    for view in VIEWS:
        cards |= {card["id"]: {**card, "view": view} for card in await agent.view(view)}
    some = asyncio.Semaphore(_AT_ONCE)

    async def detail(ticket: str) -> Json:
        async with some:
            return await agent.get(f"/v1/tickets/{ticket}")

    async def timeline(ticket: str) -> list[Json]:
        async with some:
            return await agent.timeline(ticket)

    details = await asyncio.gather(*map(detail, cards))
    timelines = await asyncio.gather(*map(timeline, cards))
    return Answers(
        cards,
        dict(zip(cards, details, strict=True)),
        dict(zip(cards, timelines, strict=True)),
        await agent.get("/v1/counts"),
    )


def changed(before: Answers, now: Answers, ticket: str) -> Iterator[str]:
    """One line when a ticket is answered otherwise, but for what is meant."""
    lines = [line for line in differences(before.of(ticket), now.of(ticket)) if not meant(line)]
    if lines:
        yield f"{ticket}: {'; '.join(lines)}"


def meant(difference: str) -> bool:
    """Whether MEANT has a reason for it."""
    return any(re.match(pattern, difference) for pattern in MEANT)


async def feed(system: Running) -> Mapping[str, FeedEvent]:
    """All of tickets' log as it is told, by id, in its order."""
    return {event.id: event async for event in _events(system)}


async def _events(system: Running) -> AsyncGenerator[FeedEvent]:
    signer = TokenSigner("projections", Places(system.installed.run).keys)
    ports = json.loads(Places(system.installed.run).ports.read_text())
    url, after = f"http://127.0.0.1:{ports['tickets-1']}/internal/events", 0
    while True:
        token = signer.sign("tickets", account=None, principal="check")
        params = {"after": str(after), "limit": "500"}
        headers = {"Authorization": f"Bearer {token}"}
        async with system.http.get(url, params=params, headers=headers) as answer:
            answer.raise_for_status()
            page = FeedPage.model_validate_json(await answer.read())
        for event in page.events:
            yield event
        if page.next_after >= page.head:
            return
        after = page.next_after
