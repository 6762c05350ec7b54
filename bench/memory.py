"""A row of design.md 6: how much memory does each process hold while nothing is to do?

Two processes of tickets and one of each other service, after customers wrote, an agent looked at
all views and took what waited; then all is still. Memory of each (RSS: shared pages in full) and
of all together (PSS). What is to be reached is absolute, so it stands where the floor would.
`python -m bench.memory`.
"""

import asyncio
from collections.abc import Sequence

from bench.harness import Row, show
from bench.processes import proportional_mb, resident_mb
from bench.writing import first_agent, phone, write
from tests.checks.system import System, running
from tests.support.waiting import LateError, until

CUSTOMERS, MOST_MB, SETTLE_SECONDS = 100, 150.0, 120.0
UNSENT = "SELECT count(*) FROM outbound.queue WHERE state IN ('queued', 'sending')"


async def some_work(system: System) -> None:
    """So that what is loaded at the first call is loaded; returns when all of it is done."""
    agent = await first_agent(system)
    taken = await asyncio.gather(*(write(system, [(phone(n), "oi")]) for n in range(CUSTOMERS)))
    if not all(taken):
        what = "webhooks are not taken"
        raise LateError(what, 0, taken.count(False))

    async def all_wait() -> bool:
        return len(await agent.view("aguardando")) >= CUSTOMERS

    await until(all_wait, what="tickets do not wait", seconds=SETTLE_SECONDS)
    for card in await agent.view("aguardando"):
        await agent.command(card["id"], "accept")
        await agent.timeline(card["id"])

    async def all_sent() -> bool:
        return (await system.rows(UNSENT))[0][0] == 0

    await until(all_sent, what="texts are not sent", seconds=SETTLE_SECONDS)


async def measure() -> Sequence[Row]:
    async with running(durable=True, logs=None) as system:
        await some_work(system)
        names = system.installation.topology.instances
        held = {name: resident_mb(system.pid(name)) for name in names}
        together = sum(proportional_mb(system.pid(name)) for name in names)
    most = MOST_MB * len(names)
    return [
        *(Row(f"MB held by {name}, idle", MOST_MB, mb, 1.0, "<=") for name, mb in held.items()),
        Row("MB held by all services, idle, shared pages once", most, together, 1.0, "<="),
    ]


if __name__ == "__main__":
    show(asyncio.run(measure()))
