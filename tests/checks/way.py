"""`make check-way`: 1,000 webhooks of 60 customers, all the way, against an oracle."""

import argparse
import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Final

from deploy.local.topology import Topology
from deploy.simulator.customers.script import script
from shared.plumbing import tasks
from tests.checks import system as systems
from tests.checks.agent import Agent
from tests.checks.book import Book
from tests.checks.customers import Steps, demo_numbers
from tests.checks.judging_said import said, unsettled
from tests.checks.judging_shown import shown
from tests.checks.judging_written import written
from tests.checks.look import Look, Verdict, look
from tests.checks.peppers import pepper
from tests.checks.screen import Screen
from tests.checks.story import tell
from tests.checks.system import System
from tests.checks.table import Ledger

CUSTOMERS: Final = 60
WEBHOOKS: Final = 1000
_DRAIN_SECONDS: Final = 120.0

Trouble = Callable[[System, Ledger], AbstractAsyncContextManager["Troubled"]]


@dataclass(frozen=True, slots=True)
class Troubled:
    """When conversations may begin, and how many messages were in flight when something died."""

    steps: Steps
    in_flight: list[int]


async def check(seed: int, logs: Path | None, topology: Topology) -> None:
    """Nothing breaks."""
    async with systems.running(durable=False, logs=logs, topology=topology) as system:
        await judge(system, seed, Ledger(f"check-way, seed {seed}"), _no_trouble)


async def judge(system: System, seed: int, ledger: Ledger, trouble: Trouble) -> None:
    """Tell the story under some trouble, and compare; raises DifferenceError."""
    numbers = demo_numbers(system)
    start = int(time.time())
    plan = script(seed, numbers, customers=CUSTOMERS, webhooks=WEBHOOKS, start=start)
    book = Book(plan, numbers, await pepper(system))
    ledger.note("webhooks, deliveries", f"{len(plan.webhooks)}, {plan.deliveries}")
    async with _screens(system) as screens:
        began = monotonic()
        async with trouble(system, ledger) as troubled:
            await tell(system, book, screens, troubled.steps)
        ended, unknown = monotonic(), sum(troubled.in_flight)
        ledger.note("story, seconds", f"{ended - began:.1f}")
        found, verdicts = await _drained(system, book, screens, unknown)
        ledger.note("time to drain, seconds", f"{monotonic() - ended:.1f}")
        _conclude(ledger, found, verdicts, unknown)


def _conclude(ledger: Ledger, found: Look, verdicts: Sequence[Verdict], unknown: int) -> None:
    agents = [screen.agent for screen in found.screens]
    ledger.note("wins per agent", _wins(found.book, agents))
    ledger.note("requests of agents repeated", sum(agent.repeats for agent in agents))
    ledger.note("live connections", sum(screen.connections for screen in found.screens))
    for verdict in verdicts:
        ledger.clean(verdict.what, verdict.judged, verdict.differences)
    ledger.at_most("messages left unknown", unknown, unsettled(found))
    ledger.print()


def _wins(book: Book, agents: Sequence[Agent]) -> str:
    owners = [episode.owner for episode in book.episodes.values()]
    return ", ".join(f"{agent.login} {owners.count(agent.id)}" for agent in agents)


async def _drained(
    system: System, book: Book, screens: Sequence[Screen], unknown: int
) -> tuple[Look, list[Verdict]]:
    """The first look without a difference, or the last one in time."""
    deadline = monotonic() + _DRAIN_SECONDS
    while True:
        found = await look(system, book, screens)
        verdicts = list(_verdicts(found, unknown))
        clean = not any(verdict.differences for verdict in verdicts)
        if clean or monotonic() > deadline:
            return found, verdicts
        await asyncio.sleep(1.0)


def _verdicts(found: Look, unknown: int) -> Iterator[Verdict]:
    yield from written(found)
    yield from said(found, unknown=unknown)
    yield from shown(found)


@asynccontextmanager
async def _screens(system: System) -> AsyncGenerator[list[Screen]]:
    public = system.public
    logins = public["GUICHE_AGENT_LOGINS"].split(",")
    agents = [  # through all gateways: each tells of what the others did
        Agent(system.http, door, login, public["GUICHE_PASSWORD"])
        for login, door in zip(logins, cycle(system.doors), strict=False)
    ]
    for agent in agents:
        await agent.sign_in()
    screens = [Screen(agent) for agent in agents]
    following = [asyncio.create_task(screen.run()) for screen in screens]
    try:
        for screen in screens:
            await asyncio.wait_for(screen.changed.wait(), 120)
        yield screens
    finally:
        await tasks.end(*following)


@asynccontextmanager
async def _no_trouble(_system: System, _ledger: Ledger) -> AsyncGenerator[Troubled]:
    yield Troubled(Steps(), [])


def arguments(what: str | None) -> argparse.Namespace:
    """`--seed`, how many of each, and `--logs` where to leave the logs of all processes."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--logs", type=Path, default=None)
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments(__doc__)
    shape = Topology(brokers=given.brokers, replicas=given.replicas)
    systems.main(check(given.seed, given.logs, shape))
