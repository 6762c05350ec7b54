"""Sessions that ended long ago are forgotten; those that run never are."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.bot.adapters import retention
from services.bot.adapters.retention import forget_ended
from shared.plumbing.loops import Heartbeat
from tests.bot.service.office import Customer, Office

KEPT = timedelta(days=90)


async def ended_sessions(office: Office, *numbers: int) -> list[UUID]:
    customers = [Customer(office.log, number) for number in numbers]
    for customer in customers:
        await office.takes(*customer.arrives())
        await office.answers()
        await office.takes(customer.ends("human_takeover"))
    return [customer.session_id for customer in customers]


async def forget(office: Office) -> None:
    await forget_ended(office.pool, KEPT, lambda: office.now)(Heartbeat())


async def sessions(office: Office) -> set[UUID]:
    return {row[0] for row in await office.rows("SELECT id FROM session")}


async def test_what_ended_before_that_time_goes_with_its_events(office: Office) -> None:
    old = await ended_sessions(office, 1)
    office.now += timedelta(days=60)
    newer = await ended_sessions(office, 2)
    runs = Customer(office.log, 3)
    await office.takes(*runs.arrives())
    office.now += timedelta(days=30)
    await forget(office)
    assert await sessions(office) == {*old, *newer, runs.session_id}, "not a day too early"
    office.now += timedelta(seconds=1)
    await forget(office)
    assert await sessions(office) == {*newer, runs.session_id}
    left = await office.rows("SELECT DISTINCT session_id FROM session_event")
    assert {row[0] for row in left} == {*newer, runs.session_id}
    office.now += timedelta(days=900)
    await forget(office)
    assert await sessions(office) == {runs.session_id}


async def test_all_that_is_old_goes_however_much(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    await ended_sessions(office, 1, 2, 3, 4, 5)
    office.now += KEPT + timedelta(seconds=1)
    await forget(office)
    assert await sessions(office) == set()


async def test_what_comes_for_a_forgotten_session_makes_no_difference(office: Office) -> None:
    customer = Customer(office.log)
    arrived = customer.arrives()
    await office.takes(*arrived)
    await office.answers()
    await office.takes(customer.ends("human_takeover"))
    office.now += KEPT + timedelta(seconds=1)
    await forget(office)
    await office.takes(*arrived, customer.says("oi?"))
    assert await sessions(office) == set()
