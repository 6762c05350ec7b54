"""`make check-rebuild`: read models are rebuilt and switched at work, and no reader notices."""

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

from deploy.local.installation import process_specs
from deploy.local.topology import Topology
from deploy.simulator.customers.plan import Webhook
from deploy.simulator.customers.script import script
from shared.plumbing import tasks
from tests.checks import system as systems
from tests.checks.agent import VIEWS, Agent, Json
from tests.checks.customers import demo_numbers, write
from tests.checks.screen import Screen, position
from tests.checks.system import System
from tests.checks.table import CONSOLE, DifferenceError, Ledger
from tests.checks.way import arguments
from tests.support.waiting import until

CUSTOMERS: Final = 120
HISTORY: Final = 3_000  # webhooks before the rebuild, as fast as they are taken
PER_SECOND: Final = 100
_AT_ONCE: Final = 32
_BETWEEN_SECONDS: Final = 5.0  # of traffic between one move of the pointer and the next
_DRAIN_SECONDS: Final = 120.0
_FAIR: Final = frozenset({"already_accepted", "ticket_closed", "not_owner", "ticket_already_open"})
_VERBS: Final = (
    ("status",),
    ("verify",),
    ("switch",),
    ("rollback",),
    ("switch", "2"),
    ("verify",),
)
_ROOT: Final = Path(__file__).parents[2]
_RATE: Final = re.compile(r"(\d+) of \d+ .*?, (\d+) events/s")


async def check(seed: int, logs: Path | None, topology: Topology) -> None:
    """Rebuild, verify, switch, go back and forth, drop; raises DifferenceError."""
    shape = f"brokers {topology.brokers}, of each {topology.replicas}"
    ledger = Ledger(f"check-rebuild, seed {seed}, {shape}")
    async with systems.running(durable=True, logs=logs, topology=topology) as system:
        numbers = demo_numbers(system)
        plan = script(
            seed,
            numbers,
            customers=CUSTOMERS,
            webhooks=HISTORY + PER_SECOND * 600,
            start=int(time.time()),
        )
        webhooks = iter(plan.webhooks)
        await _history(system, [next(webhooks) for _ in range(HISTORY)], ledger)
        async with _agents(system) as agents, _screen(agents[0]) as screen:
            reader = Reader(system, agents[0])
            async with _at_work(system, list(webhooks), agents, reader, seed) as done:
                await _operate(system, ledger)
            await _judge(system, ledger, screen, reader, done)
    ledger.print()


async def _operate(system: System, ledger: Ledger) -> None:
    """What an operator does; each verb must end well."""
    began = monotonic()
    built = await _verb(system, "rebuild")
    folded, rate = _RATE.findall(built)[-1]
    ledger.note("events rebuilt, per second", f"{folded}, {rate}")
    ledger.note("rebuild until it follows, seconds", f"{monotonic() - began:.1f}")
    for words in _VERBS:
        began = monotonic()
        said = await _verb(system, *words)
        ledger.note(f"{' '.join(words)}, seconds", f"{monotonic() - began:.1f}")
        if words == ("verify",):
            same = [line.split()[-1] == "same" for line in said.splitlines()]
            ledger.same("tables without a difference", len(same), sum(same))
        await asyncio.sleep(_BETWEEN_SECONDS)
    await _verb(system, "drop", "1")
    await asyncio.sleep(_BETWEEN_SECONDS)


async def _verb(system: System, *words: str) -> str:
    """What `guiche projections …` says; raises DifferenceError when it does not end well."""
    spec = next(s for s in process_specs(system.installation) if s.name == "projections")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services",
        "projections",
        *words,
        cwd=_ROOT,
        env=dict(spec.environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    CONSOLE.print(f"guiche projections {' '.join(words)}: {said.strip()[-400:]}", markup=False)
    if process.returncode:
        what = f"guiche projections {' '.join(words)} ended with {process.returncode}: {said}"
        raise DifferenceError(what)
    return said


async def _history(system: System, webhooks: Sequence[Webhook], ledger: Ledger) -> None:
    some, began = asyncio.Semaphore(_AT_ONCE), monotonic()

    async def one(webhook: Webhook) -> None:
        async with some:
            await write(system, webhook)

    await asyncio.gather(*(one(webhook) for webhook in webhooks))
    ledger.note("webhooks before, seconds", f"{len(webhooks)}, {monotonic() - began:.1f}")


@dataclass(slots=True)
class Done:
    """What customers and agents did while the operator worked."""

    webhooks: int = 0
    commands: int = 0
    texts: list[str] = field(default_factory=list[str])


@asynccontextmanager
async def _at_work(
    system: System,
    webhooks: Sequence[Webhook],
    agents: Sequence[Agent],
    reader: "Reader",
    seed: int,
) -> AsyncGenerator[Done]:
    """Everybody works for as long as the block; who raises ends it."""
    done, ended = Done(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_write(system, webhooks, done, ended))
        for number, agent in enumerate(agents):
            group.create_task(_Worker(agent, Random(f"{seed} {number}"), done).run(ended))  # noqa: S311
        group.create_task(reader.run(ended))
        yield done
        ended.set()


async def _write(
    system: System, webhooks: Sequence[Webhook], done: Done, ended: asyncio.Event
) -> None:
    began = monotonic()
    async with asyncio.TaskGroup() as group:
        for number, webhook in enumerate(webhooks):
            if ended.is_set():
                return
            await asyncio.sleep(max(0.0, began + number / PER_SECOND - monotonic()))
            group.create_task(write(system, webhook))
            done.webhooks += 1


class _Worker:
    """An agent who takes what waits, answers, closes, and takes closed ones up again."""

    def __init__(self, agent: Agent, chance: Random, done: Done) -> None:
        self._agent = agent
        self._chance = chance
        self._done = done

    async def run(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            page = await self._agent.get("/v1/views/aguardando", {"limit": "20"})
            if not page["items"]:
                await asyncio.sleep(0.2)
                continue
            await self._serve(self._chance.choice(page["items"]))

    async def _serve(self, card: Json) -> None:
        if not await self._do(card, "accept", {}):
            return
        text = f"Protocolo {card['protocol']}, {self._done.commands}, por {self._agent.login}."
        if await self._do(card, "messages", {"type": "text", "text": text}):
            self._done.texts.append(text)
        closes, reopens = self._chance.random() < 0.7, self._chance.random() < 0.3
        if closes and await self._do(card, "close", {"farewell": False}) and reopens:
            await self._do(card, "reopen", {})

    async def _do(self, card: Json, verb: str, body: Json) -> bool:
        answer = await self._agent.command(card["id"], verb, body)
        self._done.commands += 1
        if answer.status not in {200, 202} and answer.code not in _FAIR:
            what = f"{verb} of {card['id']}: {answer.status} {answer.body}"
            raise DifferenceError(what)
        return answer.status < 300


class Reader:
    """Asks for what it has seen already: it gets at least that, and no error."""

    def __init__(self, system: System, agent: Agent) -> None:
        self._http = system.http
        self._api = system.public["GUICHE_API"]
        self._agent = agent
        self._seen: dict[int, tuple[int, int]] = {}
        self._had_closed = False
        self.asked = 0
        self.wrong: list[str] = []

    async def run(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            for view in VIEWS:
                await self._ask(view)

    async def _ask(self, view: str) -> None:
        wanted = ",".join(f"{epoch}.{part}-{id_}" for part, (epoch, id_) in self._seen.items())
        params = {"limit": "20", **({"min_position": wanted} if wanted else {})}
        self.asked += 1
        async with self._http.get(
            f"{self._api}/v1/views/{view}", params=params, headers=self._agent.authorization
        ) as answer:
            body = await answer.json(content_type=None)
            if answer.status != 200:
                self.wrong.append(f"{view}: {answer.status} {body}")
            else:
                self._judge(view, answer.headers["X-Position"], body)

    def _judge(self, view: str, text: str, body: Json) -> None:
        for part in text.split(","):
            partition, place = int(part.partition(".")[2].partition("-")[0]), position(part)
            if place < self._seen.get(partition, (0, 0)):
                self.wrong.append(f"{view}: partition {partition} fell to {place}")
            self._seen[partition] = max(place, self._seen.get(partition, (0, 0)))
        if view == "resolvidos":
            if self._had_closed and not body["items"]:
                self.wrong.append(f"{view}: empty")
            self._had_closed = self._had_closed or bool(body["items"])


async def _judge(
    system: System, ledger: Ledger, screen: Screen, reader: Reader, done: Done
) -> None:
    """The traffic has ended: what was asked, what the screen shows, what was sent."""
    ledger.note("webhooks, commands at work", f"{done.webhooks}, {done.commands}")
    ledger.clean("reads with min_position", reader.asked, reader.wrong)
    ledger.at_least("loads of the screen by reset", 3, screen.resets)

    async def alike() -> bool:
        return not await _differences(screen)

    await until(alike, what="the screen does not show the lists", seconds=_DRAIN_SECONDS, pause=1.0)
    ledger.same("screen shows the lists", [], await _differences(screen))
    sent = Counter(request["text"] for request in await system.ledger("requests"))
    twice = [text for text in done.texts if sent[text] > 1]
    ledger.clean("texts of agents sent once at most", len(done.texts), twice)
    ledger.same("items parked", 0, await system.parked())


async def _differences(screen: Screen) -> list[str]:
    found: list[str] = []
    for view in VIEWS:
        listed = {card["id"]: card for card in await screen.agent.view(view)}
        folded = screen.rows(view)
        found += [id_ for id_ in listed.keys() | folded if listed.get(id_) != folded.get(id_)]
    return found


@asynccontextmanager
async def _agents(system: System) -> AsyncGenerator[list[Agent]]:
    public = system.public
    agents = [
        Agent(system.http, public["GUICHE_API"], login, public["GUICHE_PASSWORD"])
        for login in public["GUICHE_AGENT_LOGINS"].split(",")
    ]
    for agent in agents:
        await agent.sign_in()
    yield agents


@asynccontextmanager
async def _screen(agent: Agent) -> AsyncGenerator[Screen]:
    screen = Screen(agent)
    following = asyncio.create_task(screen.run())
    try:
        await asyncio.wait_for(screen.changed.wait(), _DRAIN_SECONDS)
        yield screen
    finally:
        await tasks.end(following)


if __name__ == "__main__":
    given = arguments(__doc__)
    shape = Topology(brokers=given.brokers, replicas=given.replicas)
    systems.main(check(given.seed, given.logs, shape))
