"""Two processes on one database: one pace, one probe, no token spent twice, nobody impersonated."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.outbound.handlers.ports import Number
from services.outbound.handlers.recover import ReplacedError
from shared.contracts.outbound import SendMessage
from shared.plumbing import clock
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool
from tests.outbound.meta import NUMBER, WhatsApp, overtaken, truly_accepted
from tests.outbound.running import Outbound, the_number
from tests.outbound.samples import CONNECTION, a_send
from tests.support.waiting import until

Two = tuple[Outbound, Outbound]
PER_SECOND, BURST = 8.0, 4


@pytest.fixture
async def two(pool: Pool, whatsapp: WhatsApp) -> AsyncIterator[Two]:
    made = tuple(
        Outbound(
            pool,
            the_number(whatsapp[0].graph_url, NUMBER.phone_number_id),
            per_second=PER_SECOND,
        )
        for _ in range(2)
    )
    for number, each in enumerate(made, 1):
        await each.start(instance=f"outbound-{number}")
    yield made[0], made[1]
    for each in made:
        await each.die()


def one_each(customers: int) -> list[SendMessage]:
    return [a_send(n, text=f"texto {n}", at=clock.now()) for n in range(customers)]


async def by_both(two: Two, commands: list[SendMessage]) -> None:
    """Half of the partitions belong to each, and both look at all rows."""
    halves = commands[0::2], commands[1::2]
    await asyncio.gather(*(each.queue(*half) for each, half in zip(two, halves, strict=True)))


async def test_the_pace_of_a_number_holds_over_both(two: Two, whatsapp: WhatsApp) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(30)
    commands = one_each(30)
    await by_both(two, commands)
    await two[0].until("accepted")
    requests = await simulator.requests()
    at = [request["at_ns"] / 1e9 for request in requests]
    in_a_second = max(sum(1 for other in at if 0 <= other - each < 1) for each in at)
    assert in_a_second <= BURST + PER_SECOND + 1
    assert set(truly_accepted(requests).values()) == {1}
    assert len(await two[0].rows("SELECT DISTINCT session FROM attempt")) == 2


async def test_the_pace_of_a_pair_holds_over_both(two: Two, whatsapp: WhatsApp) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    spent = "INSERT INTO pair_pace SELECT %s, 1, extract(epoch FROM clock_timestamp()) RETURNING 1"
    first, second = (a_send(text=text, at=clock.now()) for text in ("um", "dois"))
    await two[0].rows(spent, first.conversation_id)
    await two[0].queue(first, second)
    waits = "SELECT FROM queue WHERE next_attempt_at > clock_timestamp() + interval '3 s'"
    await until(lambda: two[0].rows(waits))
    assert [r["text"] for r in await simulator.requests()] == ["um"]


async def test_both_keep_the_order_of_a_customer(two: Two, whatsapp: WhatsApp) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(3)
    await simulator.fault("slow", ms=100, rate=1)
    commands = [a_send(n % 3, text=f"{n}", at=clock.now()) for n in range(18)]
    await two[0].queue(*commands)
    await two[0].until("accepted")
    requests = await simulator.requests()
    assert not overtaken(requests, commands)
    assert truly_accepted(requests) == {command.message_id: 1 for command in commands}


async def test_a_number_that_refused_is_probed_by_one_of_them(two: Two, whatsapp: WhatsApp) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(4)
    await simulator.fault("slow", ms=700, next=1)
    held = (
        "INSERT INTO hold (connection_id, error_class, code, since, until)"
        " VALUES (%s, 'W', 130429, now() - interval '2 s', now() - interval '1 s') RETURNING 1"
    )
    await two[0].rows(held, CONNECTION)
    await by_both(two, one_each(4))
    await two[0].until("accepted")
    first, *others = [r["at_ns"] / 1e9 for r in await simulator.requests()]
    assert min(others) - first >= 0.7, "somebody did not wait for the probe"


async def test_who_was_replaced_sends_nothing_more(two: Two, whatsapp: WhatsApp) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    replaced, other = two
    await other.die()
    other.numbers.known[CONNECTION] = Number("http://127.0.0.1:1/v26.0/1", "t")
    await other.start(instance="outbound-1")
    with pytest.raises(ReplacedError):
        await replaced.recover.look(Heartbeat())
    await replaced.queue(*one_each(1))
    await until(lambda: replaced.rows("SELECT FROM queue WHERE attempts > 1"))
    assert await simulator.requests() == []


async def test_who_shows_no_sign_of_life_takes_nothing_until_it_does(
    two: Two, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    silent, other = two
    await other.die()
    await silent.rows("UPDATE worker SET seen_at = now() - interval '16 s' RETURNING 1")
    await silent.queue(*one_each(1))
    await silent.send.turn(Heartbeat())
    assert set((await silent.states()).values()) == {"queued"}
    await silent.recover.look(Heartbeat())
    await silent.until("accepted")
    assert len(await simulator.requests()) == 1
