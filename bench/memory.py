"""A row of design.md 6: how much memory does each process hold while nothing is to do?

Two processes of tickets and one of each other service, after customers wrote, an agent looked at
all views and took what waited; then all is still. Resident memory as the kernel tells it, shared
pages in full. What is to be reached is absolute, so it stands where the floor would.
`python -m bench memory`.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bench.harness import Row, show
from bench.writing import phone, write
from tests.checks.agent import Agent
from tests.checks.system import System, running
from tests.checks.waiting import until

CUSTOMERS, MOST_MB, SETTLE_SECONDS = 100, 150.0, 120.0
UNSENT = "SELECT count(*) FROM outbound.queue WHERE state IN ('queued', 'sending')"


async def some_work(system: System) -> None:
    """So that what is loaded at the first call is loaded; returns when all of it is done."""
    public = system.public
    login = public["GUICHE_AGENT_LOGINS"].split(",")[0]
    agent = Agent(system.http, public["GUICHE_API"], login, public["GUICHE_PASSWORD"])
    await agent.sign_in()
    await asyncio.gather(*(write(system, [(phone(n), "oi")]) for n in range(CUSTOMERS)))

    async def all_wait() -> bool:
        return len(await agent.view("aguardando")) >= CUSTOMERS

    await until("tickets do not wait", all_wait, SETTLE_SECONDS)
    for card in await agent.view("aguardando"):
        await agent.command(card["id"], "accept")
        await agent.timeline(card["id"])

    async def all_sent() -> bool:
        return (await system.rows(UNSENT))[0][0] == 0

    await until("texts are not sent", all_sent, SETTLE_SECONDS)


def resident_mb(pid: int) -> float:
    """Of one process, in millions of bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1_000_000


async def measure() -> Sequence[Row]:
    async with running(durable=True, logs=None) as system:
        await some_work(system)
        names = system.installation.topology.instances
        held = {name: resident_mb(system.pid(name)) for name in names}
    return [Row(f"MB held by {name}, idle", MOST_MB, mb, 1.0, "<=") for name, mb in held.items()]


if __name__ == "__main__":
    show(asyncio.run(measure()))
