"""Rows of design.md 6, the quiet hour: what does the whole system cost when little is to do?

CPU of all processes, PostgreSQL and Kafka among them (not the simulator, nor who measures): idle,
and for each message at a steady rate, what idles beside it included. The way to an agent's screen
is timed at the same rate. What is to be reached is absolute, so it stands where the floor would.
`python -m bench.quiet`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter

import aiohttp

from bench.harness import Row, middle, p99, show
from bench.processes import cpu_seconds
from bench.writing import CUSTOMERS, Writing, first_agent, watching
from tests.checks.system import System, running

IDLE_PERCENT, MESSAGE_MS = 5.0, 10.0
RATES = (10, 50)
MEDIAN_MS, P99_MS, SCREEN_RATE = 25.0, 80.0, 50
WARM_SECONDS, IDLE_SECONDS, SECONDS = 10.0, 20.0, 20.0
SERVERS = ("postgres", "kafka")


def spent(system: System) -> float:
    """CPU seconds of all processes so far."""
    names = (*SERVERS, *system.installation.topology.instances)
    return cpu_seconds(map(system.pid, names))


async def idle(system: System) -> Row:
    """Nobody writes, one agent watches; statuses and caches of what was before have settled."""
    await asyncio.sleep(WARM_SECONDS)
    before, began = spent(system), perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    percent = 100 * (spent(system) - before) / (perf_counter() - began)
    return Row("CPU of all processes, idle, % of a core", IDLE_PERCENT, percent, 1.0, "<=")


async def steady(
    system: System, writing: Writing, milliseconds: list[float], rate: int
) -> Sequence[Row]:
    """Messages at a rate that nothing has to hurry for."""
    milliseconds.clear()
    before = spent(system)
    await writing.open_loop(rate, SECONDS)
    await writing.drained()
    cost = 1000 * (spent(system) - before) / len(milliseconds)
    at = f"at {rate}/s"
    rows = [Row(f"CPU of all processes, ms a message {at}", MESSAGE_MS, cost, 1.0, "<=")]
    if rate == SCREEN_RATE:
        rows += [
            Row(f"webhook to screen, p50 ms {at}", MEDIAN_MS, middle(milliseconds), 1.0, "<="),
            Row(f"webhook to screen, p99 ms {at}", P99_MS, p99(milliseconds), 1.0, "<="),
        ]
    return rows


async def measure() -> Sequence[Row]:
    rows: list[Row] = []
    async with running(durable=True, logs=None) as system:
        writing, milliseconds = Writing(system), list[float]()
        watch = asyncio.create_task(watching(await first_agent(system), writing, milliseconds))
        await asyncio.gather(*(writing.post() for _ in range(CUSTOMERS)))
        await writing.drained()
        await writing.open_loop(SCREEN_RATE, WARM_SECONDS)
        for rate in RATES:
            rows += await steady(system, writing, milliseconds, rate)
        rows.append(await idle(system))
        watch.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            await watch
    return rows


if __name__ == "__main__":
    show(asyncio.run(measure()))
