"""`make check-accept`: 2 agents reach for the same 500 tickets at once, over 2 processes."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from deploy.local.topology import Topology
from deploy.simulator.customers.plan import by_conversation
from deploy.simulator.customers.script import script
from tests.checks import system as systems
from tests.checks.agent import Agent, Answer
from tests.checks.customers import Steps, demo_numbers, write_all
from tests.checks.system import System
from tests.checks.table import Ledger
from tests.checks.way import arguments
from tests.support.waiting import until

TICKETS: Final = 500
_WEBHOOKS: Final = 900  # written for; one per conversation is delivered
_SETTLE_SECONDS: Final = 120.0
_PROCESSES: Final = ("tickets-1", "tickets-2")


@dataclass(frozen=True, slots=True)
class _Try:
    ticket: str
    agent: str
    process: str
    answer: Answer


async def check(seed: int, logs: Path | None, topology: Topology) -> None:
    """Each agent speaks to half of the tickets through either process, so every race crosses."""
    ledger = Ledger(f"check-accept, seed {seed}")
    async with systems.running(durable=False, logs=logs, topology=topology) as system:
        doors = await doors_of(system)
        agents = await agents_at(system, doors)
        tickets = await _waiting(system, seed, agents[0][0])
        began = monotonic()
        tries = await _race(agents, tickets)
        ledger.note("seconds of the race", f"{monotonic() - began:.1f}")
        await _judge(ledger, tries, tickets, agents[0][0])


async def doors_of(system: System) -> tuple[str, str]:
    """Two gateways, each of which knows one process of tickets only."""
    for number, name in enumerate(("gateway-2", "gateway-3")):
        system.start_another(
            name,
            "gateway",
            {
                "GATEWAY_PORT": str(system.installation.ports[name]),
                "GATEWAY_INSTANCE": name,
                "TICKETS_URLS": system.url(_PROCESSES[number]),
            },
        )
        await system.instance_ready(name)
    return system.url("gateway-2"), system.url("gateway-3")


async def agents_at(system: System, doors: tuple[str, str]) -> list[tuple[Agent, Agent]]:
    """Two people, each signed in at both doors."""
    public = system.public
    people: list[tuple[Agent, Agent]] = []
    for login in public["GUICHE_AGENT_LOGINS"].split(",")[:2]:
        first, second = (
            Agent(system.http, door, login, public["GUICHE_PASSWORD"]) for door in doors
        )
        await first.sign_in()
        await second.sign_in()
        people.append((first, second))
    return people


async def _waiting(system: System, seed: int, agent: Agent) -> list[str]:
    plan = script(
        seed,
        demo_numbers(system),
        customers=TICKETS,
        webhooks=_WEBHOOKS,
        twice=0,
        three_times=0,
        start=int(time.time()),
    )
    firsts = [members[0] for members in by_conversation(plan.webhooks).values()][:TICKETS]
    await write_all(system, firsts, Steps())

    async def all_there() -> list[str] | None:
        cards = await agent.view("aguardando")
        return [card["id"] for card in cards] if len(cards) >= TICKETS else None

    return await until(
        all_there, what="500 tickets do not appear", seconds=_SETTLE_SECONDS, pause=0.5
    )


async def _race(agents: Sequence[tuple[Agent, Agent]], tickets: Sequence[str]) -> list[_Try]:
    barrier = asyncio.Event()

    async def reach(agent: Agent, process: str, ticket: str) -> _Try:
        await barrier.wait()
        return _Try(ticket, agent.id, process, await agent.command(ticket, "accept"))

    tasks = [
        asyncio.create_task(reach(doors[door], _PROCESSES[door], ticket))
        for number, ticket in enumerate(tickets)
        for person, doors in enumerate(agents)
        for door in [(number + person) % 2]
    ]
    barrier.set()
    return await asyncio.gather(*tasks)


async def _judge(
    ledger: Ledger, tries: Sequence[_Try], tickets: Sequence[str], agent: Agent
) -> None:
    won = [each for each in tries if each.answer.status == 200]
    lost = [each for each in tries if each.answer.status == 409]
    owners = {each.ticket: each.agent for each in won}
    ledger.same("tickets", TICKETS, len(set(tickets)))
    ledger.same("winners", TICKETS, len(won))
    ledger.same("tickets with a winner", TICKETS, len(owners))
    codes = Counter(each.answer.code for each in tries if each.answer.status != 200)
    ledger.same("refusals", {"already_accepted": TICKETS}, dict(codes))
    named = [
        f"{each.ticket}: told {each.answer.held_by}, won by {owners.get(each.ticket)}"
        for each in lost
        if each.answer.held_by != owners.get(each.ticket)
    ]
    ledger.clean("refusals that name the winner", len(lost), named)
    for person in sorted({each.agent for each in tries}):
        ledger.note(f"wins of agent {person}", sum(each.agent == person for each in won))
    for process in _PROCESSES:
        wins = sum(each.process == process for each in won)
        ledger.at_least(f"wins at {process}", 1, wins)
    ledger.clean("owners in Atendendo", TICKETS, await _shown(agent, owners))
    ledger.print()


async def _shown(agent: Agent, owners: dict[str, str]) -> list[str]:
    async def all_moved() -> dict[str, str] | None:
        cards = await agent.view("atendendo")
        return {c["id"]: c["owner"]["id"] for c in cards} if len(cards) >= len(owners) else None

    shown = await until(
        all_moved, what="Atendendo stays behind", seconds=_SETTLE_SECONDS, pause=0.5
    )
    return [
        f"{ticket}: {shown.get(ticket)}, not {owner}"
        for ticket, owner in owners.items()
        if shown.get(ticket) != owner
    ]


if __name__ == "__main__":
    given = arguments(__doc__)
    # its two gateways know one process of tickets each, so it has its own
    systems.main(check(given.seed, given.logs, Topology(brokers=given.brokers)))
