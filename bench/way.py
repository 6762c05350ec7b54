"""Rows 2 and 3 of design.md 6: how fast a message comes to another agent's screen, and how many.

The whole system runs, durable, as the checks start it: two processes of tickets, one of each other
service, on the machine that also sends the webhooks. What is to be reached is absolute, so it
stands where the floor would. `python -m bench way`.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter

import aiohttp

from bench.harness import Row, middle, p99, show
from bench.writing import phone, write
from tests.checks.agent import Agent
from tests.checks.system import System, running
from tests.checks.waiting import until

CUSTOMERS = 200
RATE, WARM_SECONDS, SECONDS = 200, 10.0, 15.0
MEDIAN_MS, P99_MS = 60.0, 300.0
CALLERS, BURST_SECONDS, SUSTAINED = 64, 15.0, 1000.0
SETTLE_SECONDS = 120.0
TOLD = "SELECT count(*) FROM rm_v1.timeline WHERE body ->> 'direction' = 'in'"


@dataclass
class Writing:
    """Customers who write; a text is a number, so it is found again."""

    system: System
    numbers: "count[int]" = field(default_factory=count)
    sent: dict[str, float] = field(default_factory=dict[str, float])

    async def post(self) -> bool:
        """Whether the webhook was acknowledged."""
        number = next(self.numbers)
        text = f"mensagem {number}"
        self.sent[text] = perf_counter()
        taken = await write(self.system, [(phone(number % CUSTOMERS), text)])
        if not taken:
            del self.sent[text]
        return taken


async def _watching(agent: Agent, writing: Writing, milliseconds: list[float]) -> None:
    """Note when each text comes to this agent's live stream."""
    async for kind, _, data in agent.live(None):
        if kind != "message":
            continue
        started = writing.sent.pop(str(json.loads(data)["item"]["text"]), None)
        if started is not None:
            milliseconds.append((perf_counter() - started) * 1000)


async def on_screen(system: System) -> Sequence[Row]:
    """Row 2: an open loop of webhooks, timed from the POST to the event on the stream."""
    writing, milliseconds = Writing(system), list[float]()
    login = system.public["GUICHE_AGENT_LOGINS"].split(",")[0]
    api = system.public["GUICHE_API"]
    agent = Agent(system.http, api, login, system.public["GUICHE_PASSWORD"])
    await agent.sign_in()
    watching = asyncio.create_task(_watching(agent, writing, milliseconds))
    await asyncio.gather(*(writing.post() for _ in range(CUSTOMERS)))  # every ticket is open
    await until("the first messages do not come", _none_left(writing), SETTLE_SECONDS, pause=0.1)
    refused = await _open_loop(writing, WARM_SECONDS)  # compilers, caches and plans of all servers
    milliseconds.clear()
    refused += await _open_loop(writing, SECONDS)
    await until("messages do not come", _none_left(writing), SETTLE_SECONDS, pause=0.1)
    watching.cancel()
    with suppress(asyncio.CancelledError, aiohttp.ClientError):
        await watching
    at = f"at {RATE}/s"
    return [
        Row(f"webhook to screen, p50 ms {at}", MEDIAN_MS, middle(milliseconds), 1.0, "<="),
        Row(f"webhook to screen, p99 ms {at}", P99_MS, p99(milliseconds), 1.0, "<="),
        Row(f"webhooks refused {at}", 1, refused, 0, "<="),
    ]


async def _open_loop(writing: Writing, seconds: float) -> int:
    """Post at the rate, whatever becomes of it; how many were refused."""
    started, posts = perf_counter(), list[asyncio.Task[bool]]()
    for number in range(int(RATE * seconds)):
        await asyncio.sleep(max(0.0, started + number / RATE - perf_counter()))
        posts.append(asyncio.create_task(writing.post()))
    return (await asyncio.gather(*posts)).count(False)


def _none_left(writing: Writing):  # noqa: ANN202  a condition for `until`
    async def none() -> bool:
        return not writing.sent

    return none


async def sustained(system: System) -> Sequence[Row]:
    """Row 3: as fast as ingest answers, until the last one stands in the read model."""
    writing, acknowledged = Writing(system), 0
    before = (await system.rows(TOLD))[0][0]
    started = perf_counter()

    async def call() -> None:
        nonlocal acknowledged
        while perf_counter() < started + BURST_SECONDS:
            taken = await writing.post()
            acknowledged += taken  # not in one line: it would read the sum before waiting

    await asyncio.gather(*(call() for _ in range(CALLERS)))

    async def all_told() -> bool:
        return (await system.rows(TOLD))[0][0] - before >= acknowledged

    await until("messages are lost", all_told, SETTLE_SECONDS, pause=0.05)
    rate = acknowledged / (perf_counter() - started)
    lost = acknowledged - ((await system.rows(TOLD))[0][0] - before)
    return [
        Row("messages/s, webhook to read model", SUSTAINED, rate, 1.0),
        Row("messages lost", 1, max(0, lost), 0, "<="),
    ]


async def measure() -> Sequence[Row]:
    async with running(durable=True, logs=None) as system:
        return [*await on_screen(system), *await sustained(system)]


if __name__ == "__main__":
    show(asyncio.run(measure()))
