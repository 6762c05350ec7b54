"""Rows 2 and 3 of design.md 6: how fast a message comes to another agent's screen, and how many.

The whole system runs, durable, as the checks start it: two processes of tickets, one of each other
service, on the machine that also sends the webhooks. What is to be reached is absolute, so it
stands where the floor would. `python -m bench.way`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter

import aiohttp

from bench.harness import Row, middle, p99, show
from bench.writing import CUSTOMERS, Writing, first_agent, seen_by_readers, watching
from tests.checks.system import System, running
from tests.support.waiting import until

RATE, WARM_SECONDS, SECONDS = 200, 10.0, 15.0
MEDIAN_MS, P99_MS = 60.0, 300.0
CALLERS, BURST_SECONDS, SUSTAINED = 64, 15.0, 1000.0
SETTLE_SECONDS = 120.0
TOLD = "SELECT count(*) FROM {}.timeline WHERE body ->> 'direction' = 'in'"


async def on_screen(system: System) -> Sequence[Row]:
    """Row 2: an open loop of webhooks, timed from the POST to the event on the stream."""
    writing, milliseconds = Writing(system), list[float]()
    watch = asyncio.create_task(watching(await first_agent(system), writing, milliseconds))
    await asyncio.gather(*(writing.post() for _ in range(CUSTOMERS)))  # every ticket is open
    await writing.drained()
    refused = await writing.open_loop(RATE, WARM_SECONDS)  # compilers, caches, plans of servers
    milliseconds.clear()
    refused += await writing.open_loop(RATE, SECONDS)
    await writing.drained()
    watch.cancel()
    with suppress(asyncio.CancelledError, aiohttp.ClientError):
        await watch
    at = f"at {RATE}/s"
    return [
        Row(f"webhook to screen, p50 ms {at}", MEDIAN_MS, middle(milliseconds), 1.0, "<="),
        Row(f"webhook to screen, p99 ms {at}", P99_MS, p99(milliseconds), 1.0, "<="),
        Row(f"webhooks refused {at}", 1, refused, 0, "<="),
    ]


async def sustained(system: System) -> Sequence[Row]:
    """Row 3: as fast as ingest answers, until the last one stands in the read model."""
    writing, acknowledged = Writing(system), 0
    told = TOLD.format(await seen_by_readers(system))
    before = (await system.rows(told))[0][0]
    started = perf_counter()

    async def call() -> None:
        nonlocal acknowledged
        while perf_counter() < started + BURST_SECONDS:
            taken = await writing.post()
            acknowledged += taken  # not in one line: it would read the sum before waiting

    await asyncio.gather(*(call() for _ in range(CALLERS)))

    async def all_told() -> bool:
        return (await system.rows(told))[0][0] - before >= acknowledged

    await until(all_told, what="messages are lost", seconds=SETTLE_SECONDS, pause=0.05)
    rate = acknowledged / (perf_counter() - started)
    lost = acknowledged - ((await system.rows(told))[0][0] - before)
    return [
        Row("messages/s, webhook to read model", SUSTAINED, rate, 1.0),
        Row("messages lost", 1, max(0, lost), 0, "<="),
    ]


async def measure() -> Sequence[Row]:
    async with running(durable=True, logs=None) as system:
        return [*await on_screen(system), *await sustained(system)]


if __name__ == "__main__":
    show(asyncio.run(measure()))
