"""Random faults, restarts, cancellations and orders of statuses, by two processes at once.

The ledger of Meta is the oracle (reliability.md 3).
"""

import asyncio
from collections import Counter
from random import Random
from uuid import UUID

import pytest

from shared.contracts.inbound import Status
from shared.contracts.outbound import (
    MessageAccepted,
    MessageCancelled,
    MessageFailed,
    MessageOutcomeUnknown,
    SendMessage,
)
from shared.plumbing import clock, tasks
from shared.plumbing.postgres import Pool
from tests.outbound.meta import NUMBER, Meta, overtaken, truly_accepted
from tests.outbound.running import Outbound, the_number
from tests.outbound.samples import a_cancel, a_send
from tests.support.waiting import until_true

CUSTOMERS = 8
EACH = 6
FAULTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("refuse", {"code": 131026}),
    ("refuse", {"code": 1}),
    ("refuse", {"code": 131056, "next": 3}),  # each time one waits four times as long
    ("refuse", {"code": 130429}),
    ("error_5xx_before_accept", {}),
    ("error_5xx_after_accept", {}),
    ("html_502", {}),
    ("html_502", {"accept": True}),
    ("cut_before_accept", {}),
    ("cut_after_accept", {}),
    ("cut_body_of_2xx", {}),
    ("slow", {"ms": 300}),
    ("window_error", {"when": "async"}),
    ("status_before_answer", {}),
    ("status_none", {}),
    ("status_duplicate", {}),
    ("status_reorder", {}),
    ("status_late", {"ms": 500}),
)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.timeout(120)
async def test_no_schedule_makes_meta_accept_an_id_twice(
    pool: Pool, whatsapp: tuple[Meta, list[Status]], seed: int
) -> None:
    chance = Random(seed)  # noqa: S311  a schedule, not a secret
    simulator, statuses = whatsapp
    await simulator.customers_write(CUSTOMERS)
    for kind, more in chance.sample(FAULTS, 9):
        await simulator.fault(kind, rate=chance.uniform(0.02, 0.2), **more)
    numbers = the_number(simulator.graph_url, NUMBER.phone_number_id)
    both = [Outbound(pool, numbers), Outbound(pool, numbers)]
    for number, process in enumerate(both, 1):
        await process.start(instance=f"outbound-{number}")
    outbound = both[0]
    commands = [a_send(n % CUSTOMERS, at=clock.now()) for n in range(CUSTOMERS * EACH)]
    heard = asyncio.create_task(hear_in_any_order(outbound, statuses, chance))
    for start in range(0, len(commands), 6):
        await chance.choice(both).queue(*commands[max(0, start - 2) : start + 6])
        if chance.random() < 0.25:
            await asyncio.sleep(chance.uniform(0, 0.1))
            victim = chance.randrange(2)
            await both[victim].die()
            await both[victim].start(instance=f"outbound-{victim + 1}")
        taken_back = chance.sample(commands[: start + 6], 2)
        await chance.choice(both).queue(*map(a_cancel, taken_back))
    await outbound.until("accepted", "refused", "unknown", "dead", "cancelled", seconds=60)
    await simulator.settled()
    await tasks.end(heard)
    heard_all = tuple(statuses)  # later ones may still come
    await outbound.hear(*heard_all, *heard_all)
    for process in both:
        await process.die()
    named = {UUID(status.opaque_id) for status in heard_all if status.opaque_id}
    await judge(outbound, simulator, commands, named)


async def hear_in_any_order(outbound: Outbound, statuses: list[Status], chance: Random) -> None:
    """Some, shuffled, again and again, while sending goes on."""
    while True:
        await until_true(lambda: bool(statuses), seconds=60)
        some = chance.sample(statuses, chance.randint(1, len(statuses)))
        await outbound.hear(*some)
        await asyncio.sleep(0.05)


async def judge(
    outbound: Outbound, simulator: Meta, commands: list[SendMessage], named: set[UUID]
) -> None:
    """`named`: ids whose statuses came."""
    requests = await simulator.requests()
    accepted, states, facts = (
        truly_accepted(requests),
        await outbound.states(),
        await outbound.facts(),
    )
    assert set(accepted.values()) <= {1}, "accepted twice"
    assert list(states) == [command.message_id for command in commands]
    assert max(Counter((fact.message_id, type(fact)) for fact in facts).values()) == 1
    known = {fact.message_id for fact in facts if isinstance(fact, MessageAccepted)}
    cancelled = {fact.message_id for fact in facts if isinstance(fact, MessageCancelled)}
    failed = {fact.message_id for fact in facts if isinstance(fact, MessageFailed)}
    unknown = {fact.message_id for fact in facts if isinstance(fact, MessageOutcomeUnknown)}
    assert known <= accepted.keys(), "told accepted, but Meta never took it"
    assert not cancelled & accepted.keys(), "told cancelled, but Meta took it"
    assert named <= known, "a status came, and it is still unknown"
    assert accepted.keys() - known <= unknown
    for message_id, state in states.items():
        if message_id not in accepted:
            assert state in {"refused", "dead", "unknown", "cancelled"}
            assert message_id in failed | unknown | cancelled
    assert not overtaken(requests, commands)
