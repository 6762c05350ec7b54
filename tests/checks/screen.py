"""What an agent's frontend shows: lists loaded once, then folded from the live stream."""

import asyncio
import json
from contextlib import suppress

import aiohttp

from tests.checks.agent import VIEWS, Agent, Json

Position = tuple[int, int]


def position(text: str) -> Position:
    """`<epoch>.<partition>-<id>` as something that can be compared within one row."""
    epoch, _, rest = text.partition(".")
    return int(epoch), int(rest.partition("-")[2])


class Screen:
    """Opened before the lists are loaded; a row is replaced only by a higher position."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.changed = asyncio.Event()
        self.fell: list[str] = []
        self.events = 0
        self.connections = 0
        self.resets = 0
        self.counts: Json = {}
        self._last_id: str | None = None
        self._where: dict[str, tuple[str, Json]] = {}
        self._newest: dict[str, Position] = {}

    def rows(self, view: str) -> dict[str, Json]:
        """Tickets of a view by id."""
        return {id_: card for id_, (where, card) in self._where.items() if where == view}

    async def run(self) -> None:
        """Follow for ever; reconnects with Last-Event-ID."""
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError):
                await self._follow()
            await asyncio.sleep(0.2)

    async def _follow(self) -> None:
        self.connections += 1
        told: dict[str, Position] = {}  # of this connection
        first = self._last_id is None
        async for kind, id_, data in self.agent.live(self._last_id):
            self.events += 1
            body = json.loads(data)
            if kind == "hello" and first:
                await self._load()
            elif kind == "reset":
                self.resets += 1
                self._where.clear()
                self._last_id = id_ or self._last_id
                await self._load()
                continue
            elif kind == "counts":
                self.counts = body
            elif kind in {"added", "changed", "removed"}:
                self._judge(told, body["row"])
                self._fold(kind, body["view"], body["row"])
            self._last_id = id_ or self._last_id
            self.changed.set()

    async def _load(self) -> None:
        for view in VIEWS:
            for card in await self.agent.view(view):
                self._fold("added", view, card)
        self.changed.set()

    def _judge(self, told: dict[str, Position], card: Json) -> None:
        id_, place = card["id"], position(card["position"])
        before = told.get(id_)
        if before is not None and place < before:
            self.fell.append(f"{self.agent.login}: {id_} fell from {before} to {place}")
        told[id_] = place

    def _fold(self, kind: str, view: str, card: Json) -> None:
        id_, place = card["id"], position(card["position"])
        if place < self._newest.get(id_, (-1, -1)):
            return
        self._newest[id_] = place
        if kind != "removed":
            self._where[id_] = (view, card)
        elif id_ in self._where and self._where[id_][0] == view:
            del self._where[id_]
