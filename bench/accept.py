"""A row of design.md 6: tickets accepted by HTTP, against one insert per commit of one client.

The whole system runs, durable, as the checks start it, with two processes of tickets, and says
nothing by itself. Floor and ours go in turns on the same PostgreSQL: `pgbench`, or psycopg where
the binaries have none. Ours: 16 callers at the gateway, each with a ticket that nobody else wants.

Then the races: two agents reach for one ticket at the same time, through two gateways that know one
process of tickets each. The first run one after another, so that the loser's time is that of a race
and not of a queue for the processor; then many side by side, until all are run or the time is over.
Double owners are counted in the event store. `python -m bench accept`.
"""

import asyncio
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

import psycopg

from bench.harness import Row, in_turns, middle, p99, show
from bench.writing import phone, seen_by_readers, write
from deploy.local.binaries import find_binaries
from tests.checks.accept import agents_at, doors_of
from tests.checks.agent import Agent, Answer
from tests.checks.system import System, running
from tests.support.waiting import until

CALLERS, ROUNDS, EACH = 16, 3, 500
RACES, ALONE, SIDE_BY_SIDE, RACING_SECONDS = 10_000, 500, 8, 120.0
OPENED = (ROUNDS + 1) * EACH + RACES
WRITERS, TOGETHER = 16, 20  # texts in one webhook
FLOOR_SECONDS, SETTLE_SECONDS = 4, 180.0
BAR, LOSER_MS = 0.4, 20.0
INSERT = "INSERT INTO floor (body) VALUES (repeat('x', 200))"
WAITING = "SELECT ticket_id::text FROM {}.aguardando"
OWNED_TWICE = """
SELECT count(*) FROM (
    SELECT FROM tickets.event WHERE topic = 'tickets.TicketAccepted'
    GROUP BY originator_id HAVING count(*) > 1
) AS twice
"""


@dataclass
class Races:
    """What became of them."""

    run: int = 0
    loser_ms: list[float] = field(default_factory=list[float])
    wrong: int = 0  # not one who won, and one who was told by the typed refusal who did


async def opened(system: System, count: int) -> list[str]:
    """Tickets of as many customers, who all wrote by webhooks."""
    webhooks = iter(range(0, count, TOGETHER))

    async def some() -> None:
        for first in webhooks:
            texts = [(phone(n), "oi") for n in range(first, min(first + TOGETHER, count))]
            taken = partial(write, system, texts)  # ingest refuses what it cannot keep
            await until(taken, what="webhooks are not taken", seconds=SETTLE_SECONDS)

    await asyncio.gather(*(some() for _ in range(WRITERS)))

    waiting = WAITING.format(await seen_by_readers(system))

    async def all_wait() -> list[str] | None:
        found = [row[0] for row in await system.rows(waiting)]
        return found if len(found) >= count else None

    return await until(all_wait, what="tickets do not wait", seconds=SETTLE_SECONDS)


# --- 16 callers against one insert per commit


def prepared(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE floor (id bigserial PRIMARY KEY, body text NOT NULL)")


async def inserts(url: str) -> float:
    """Inserts per second of one client, each committed."""
    pgbench = find_binaries(Path(), None) / "pgbench"
    if not pgbench.exists():
        return await asyncio.to_thread(_by_psycopg, url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"{INSERT};\n")
        script.flush()
        process = await asyncio.create_subprocess_exec(
            *(pgbench, "--no-vacuum", f"--file={script.name}", f"--time={FLOOR_SECONDS}", url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await process.communicate()
    found = re.search(r"^tps = ([\d.]+)", said.decode(), re.MULTILINE)
    if found is None:
        what = f"pgbench ended with {process.returncode}"
        raise RuntimeError(what)
    return float(found[1])


def _by_psycopg(url: str) -> float:
    done, ends = 0, perf_counter() + FLOOR_SECONDS
    with psycopg.connect(url, autocommit=True) as conn:
        while perf_counter() < ends:
            conn.execute(INSERT)
            done += 1
    return done / FLOOR_SECONDS


async def accepted(agents: Sequence[Agent], tickets: Sequence[str]) -> float:
    """Accepts per second of 16 callers."""
    waiting = iter(tickets)

    async def call(agent: Agent) -> None:
        for ticket in waiting:
            answer = await agent.command(ticket, "accept")
            if answer.status != 200:
                what = f"accept of {ticket}: {answer.status} {answer.code}"
                raise RuntimeError(what)

    started = perf_counter()
    await asyncio.gather(*(call(agent) for agent in islice(cycle(agents), CALLERS)))
    return len(tickets) / (perf_counter() - started)


async def rate(system: System, tickets: Iterator[str]) -> Row:
    prepared(system.database_url)
    api, password = system.public["GUICHE_API"], system.public["GUICHE_PASSWORD"]
    logins = system.public["GUICHE_AGENT_LOGINS"].split(",")
    agents = [Agent(system.http, api, login, password) for login in logins]
    for agent in agents:
        await agent.sign_in()
    floor, ours = await in_turns(
        ROUNDS,
        lambda: inserts(system.database_url),
        lambda: accepted(agents, list(islice(tickets, EACH))),
    )
    return Row(f"accepts/s by HTTP, {CALLERS} callers", middle(floor), middle(ours), BAR)


# --- races


async def races(system: System, tickets: Sequence[str]) -> Sequence[Row]:
    agents = await agents_at(system, await doors_of(system))
    alone = await _raced(agents, tickets[:ALONE], at_once=1)
    crowd = await _raced(agents, tickets[ALONE:], at_once=SIDE_BY_SIDE)
    twice = (await system.rows(OWNED_TWICE))[0][0]
    wrong = alone.wrong + crowd.wrong
    of = f"in {alone.run + crowd.run:,} races over 2 processes"
    return [
        Row(f"double owners {of}", 1, twice, 0, "<="),
        Row(f"other ends than one owner and one typed 409 {of}", 1, wrong, 0, "<="),
        Row("loser's 409, p50 ms", LOSER_MS, middle(alone.loser_ms), 1.0, "<="),
        Row("loser's 409, p99 ms", LOSER_MS, p99(alone.loser_ms), 1.0, "<="),
    ]


async def _raced(
    agents: Sequence[tuple[Agent, Agent]], tickets: Sequence[str], *, at_once: int
) -> Races:
    found, waiting, ends = Races(), iter(tickets), perf_counter() + RACING_SECONDS

    async def some() -> None:
        for ticket in waiting:
            (one, other), door = agents, found.run % 2
            found.run += 1
            tries = _timed(one[door], ticket), _timed(other[1 - door], ticket)
            _judge(found, await asyncio.gather(*tries), (one[0].id, other[0].id))
            if perf_counter() > ends:
                return

    await asyncio.gather(*(some() for _ in range(at_once)))
    return found


async def _timed(agent: Agent, ticket: str) -> tuple[Answer, float]:
    started = perf_counter()
    answer = await agent.command(ticket, "accept")
    return answer, (perf_counter() - started) * 1000


def _judge(found: Races, tries: Sequence[tuple[Answer, float]], agents: Sequence[str]) -> None:
    won = [id_ for id_, (answer, _) in zip(agents, tries, strict=True) if answer.status == 200]
    lost = [(answer, ms) for answer, ms in tries if answer.code == "already_accepted"]
    if len(won) == len(lost) == 1 and lost[0][0].held_by == won[0]:
        found.loser_ms.append(lost[0][1])
    else:
        found.wrong += 1


async def measure() -> Sequence[Row]:
    async with running(durable=True, logs=None, texts=False) as system:
        tickets = await opened(system, OPENED)
        rest = iter(tickets)
        return [await rate(system, rest), *await races(system, list(rest))]


if __name__ == "__main__":
    show(asyncio.run(measure()))
