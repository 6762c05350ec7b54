"""Random faults, restarts and orders of statuses (reliability.md 3); the ledger is the oracle."""

import asyncio
from collections import Counter
from random import Random
from uuid import UUID

import pytest

from shared.contracts.inbound import Status
from shared.contracts.outbound import (
    MessageAccepted,
    MessageFailed,
    MessageOutcomeUnknown,
    SendMessage,
)
from shared.plumbing import clock, tasks
from shared.plumbing.postgres import Pool
from tests.outbound.meta import NUMBER, Meta, overtaken, truly_accepted
from tests.outbound.running import Outbound, the_number
from tests.outbound.samples import a_send
from tests.wire.support import until

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
    outbound = Outbound(pool, the_number(simulator.graph_url, NUMBER.phone_number_id))
    await outbound.start()
    commands = [a_send(n % CUSTOMERS, at=clock.now()) for n in range(CUSTOMERS * EACH)]
    heard = asyncio.create_task(hear_in_any_order(outbound, statuses, chance))
    for start in range(0, len(commands), 6):
        await outbound.queue(*commands[max(0, start - 2) : start + 6])
        if chance.random() < 0.25:
            await asyncio.sleep(chance.uniform(0, 0.1))
            await outbound.die()
            await outbound.start()
    await outbound.until("accepted", "refused", "unknown", "dead", seconds=60)
    await simulator.settled()
    await tasks.end(heard)
    heard_all = tuple(statuses)  # later ones may still come
    await outbound.hear(*heard_all, *heard_all)
    await outbound.die()
    named = {UUID(status.opaque_id) for status in heard_all if status.opaque_id}
    await judge(outbound, simulator, commands, named)


async def hear_in_any_order(outbound: Outbound, statuses: list[Status], chance: Random) -> None:
    """Some, shuffled, again and again, while sending goes on."""
    while True:
        await until(lambda: bool(statuses), seconds=60)
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
    failed = {fact.message_id for fact in facts if isinstance(fact, MessageFailed)}
    unknown = {fact.message_id for fact in facts if isinstance(fact, MessageOutcomeUnknown)}
    assert known <= accepted.keys(), "told accepted, but Meta never took it"
    assert named <= known, "a status came, and it is still unknown"
    assert accepted.keys() - known <= unknown
    for message_id, state in states.items():
        if message_id not in accepted:
            assert state in {"refused", "dead", "unknown"}
            assert message_id in failed | unknown
    assert not overtaken(requests, commands)
