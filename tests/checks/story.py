"""Customers write, agents race for tickets, answer, read and close; customers write again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tests.checks.agent import Agent, Json
from tests.checks.book import Book, Episode, Lost, taken_again
from tests.checks.customers import Steps, write, write_all
from tests.checks.screen import Screen
from tests.checks.system import System
from tests.checks.table import CONSOLE, DifferenceError
from tests.support.waiting import until

_SIDE_BY_SIDE: Final = 8  # tickets that one agent serves at once
_COMPLETE_SECONDS: Final = 600.0
_FAIR: Final = frozenset({"already_accepted", "ticket_closed"})


async def tell(system: System, book: Book, screens: Sequence[Screen], steps: Steps) -> None:
    """Return when everybody has done their part; raises DifferenceError at a wrong answer."""
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write_all(system, book.plan.webhooks, steps))
        workers = [tasks.create_task(_Worker(system, book, screen).run()) for screen in screens]
        await until(
            lambda: _told(book), what="the story does not end", seconds=_COMPLETE_SECONDS, pause=5.0
        )
        await writing
        for worker in workers:
            worker.cancel()


async def _told(book: Book) -> bool:
    CONSOLE.print(book.progress(), highlight=False)
    return book.told()


class _Worker:
    def __init__(self, system: System, book: Book, screen: Screen) -> None:
        self._system = system
        self._book = book
        self._screen = screen
        self._agent: Agent = screen.agent
        self._tried: set[str] = set()
        self._hands = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                for id_, card in self._screen.rows("aguardando").items():
                    if id_ not in self._tried:
                        self._tried.add(id_)
                        tasks.create_task(self._served(card))
                self._screen.changed.clear()
                # not wait_for: on Python 3.11 it may swallow the cancellation that ends the story
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._screen.changed.wait()

    async def _served(self, card: Json) -> None:
        async with self._hands:
            if card["previous_ticket_id"] is None:
                await self._serve(card)
            else:
                self._book.seconds.add(card["id"])
                if taken_again(card["id"]) and await self._accepted(card):
                    await self._say(card, "de novo")

    async def _serve(self, card: Json) -> None:
        episode = await self._accepted(card)
        if episode is None:
            return
        for part in ("um", "dois"):
            await self._say(card, part)
        line, wamid = await self._last_of_all(card, episode)
        await self._do(card, "read", {"up_to": line["id"]})
        episode.read = wamid
        farewell = int(card["id"][-2], 16) % 2 == 0
        await self._do(card, "close", {"farewell": farewell})
        episode.closed, episode.farewell = True, farewell
        await write(self._system, self._book.replies[episode.conversation])
        self._book.written.add(episode.conversation)

    async def _accepted(self, card: Json) -> Episode | None:
        answer = await self._agent.command(card["id"], "accept")
        if answer.status == 200:
            return await self._won(card)
        if answer.code not in _FAIR:
            what = f"accept of {card['id']}: {answer.status} {answer.body}"
            raise DifferenceError(what)
        if answer.code == "already_accepted":
            self._book.lost.append(Lost(card["id"], self._agent.id, answer.held_by))
        return None

    async def _won(self, card: Json) -> Episode:
        if card["id"] in self._book.episodes:
            what = f"{card['id']} was won twice"
            raise DifferenceError(what)
        lines = await self._agent.timeline(card["id"])
        found = [webhook for _, webhook in self._book.inbound(card, lines)]
        if not found or found[0] is None:
            what = f"the first message of {card['id']} was written by nobody"
            raise DifferenceError(what)
        episode = Episode(card["id"], found[0].conversation, self._agent.id)
        self._book.episodes[card["id"]] = episode
        return episode

    async def _say(self, card: Json, part: str) -> None:
        text = f"Protocolo {card['protocol']}, parte {part}, por {self._agent.login}."
        body = await self._do(card, "messages", {"type": "text", "text": text})
        self._book.episodes[card["id"]].said.append((body["message_id"], text))

    async def _do(self, card: Json, verb: str, body: Json) -> Json:
        answer = await self._agent.command(card["id"], verb, body)
        if answer.status not in {200, 202}:
            what = f"{verb} of {card['id']}: {answer.status} {answer.body}"
            raise DifferenceError(what)
        return answer.body

    async def _last_of_all(self, card: Json, episode: Episode) -> tuple[Json, str]:
        expected = len(self._book.expected[episode.conversation])

        async def complete() -> tuple[Json, str] | None:
            lines = list(self._book.inbound(card, await self._agent.timeline(card["id"])))
            if len(lines) < expected or lines[-1][1] is None:
                return None
            return lines[-1][0], lines[-1][1].wamid

        what = f"{card['id']} does not get all messages"
        return await until(complete, what=what, seconds=_COMPLETE_SECONDS, pause=1.0)
