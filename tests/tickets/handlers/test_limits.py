"""How many tickets may an agent own at once? (domain.md 2.3; slots are claims, design.md D3)."""

import asyncio
from uuid import UUID

import pytest

from services.tickets.domain.refusals import AgentLimitReachedError, RefusedError
from services.tickets.domain.ticket.state import Lifecycle
from services.tickets.handlers.commands import Answered
from shared.contracts.directory import Policies
from tests.tickets.handlers.office import ANA, BIA, SUPERVISOR, Office, text


async def tickets(office: Office, number: int) -> list[UUID]:
    found: list[UUID] = []
    for n in range(number):
        await office.hears(text(at=office.at, phone=f"551191000000{n}"))
        found.append(await office.newest_ticket())
    return found


async def test_one_more_than_the_limit_is_refused_until_another_is_closed(office: Office) -> None:
    office.limits[ANA] = 2
    first, second, third = await tickets(office, 3)
    await office.accept(first)
    await office.accept(second)
    with pytest.raises(AgentLimitReachedError) as refused:
        await office.accept(third)
    assert refused.value.extras() == {"limit": 2}
    await office.close(first)
    assert (await office.accept(third)).ticket.owner_id == ANA


async def test_a_screen_knows_it_before_the_agent_tries(office: Office) -> None:
    office.limits[ANA] = 1
    first, second = await tickets(office, 2)
    accepted = await office.accept(first)
    assert accepted.allowed["accept"] is None  # it is theirs already
    seen = [await office.state(second, by) for by in (ANA, BIA)]
    assert [type(one.allowed["accept"]) for one in seen] == [AgentLimitReachedError, type(None)]


async def test_no_limit_no_slots(office: Office) -> None:
    waiting = await tickets(office, 3)
    for ticket in waiting:
        assert (await office.accept(ticket)).ticket.slot is None


@pytest.mark.parametrize("limit", [1, 2])
async def test_two_processes_never_give_one_slot_twice(office: Office, limit: int) -> None:
    office.limits[ANA] = limit
    waiting, other = await tickets(office, 6), office.another()
    asked = [where.accept(one) for one, where in zip(waiting, [office, other] * 3, strict=True)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    won = [one for one in answers if isinstance(one, Answered)]
    assert len(won) == limit
    assert all(isinstance(one, Answered | RefusedError) for one in answers)
    assert sorted(one.ticket.slot or 0 for one in won) == list(range(1, limit + 1))


async def test_a_lower_limit_counts_what_is_owned_already(office: Office) -> None:
    office.limits[ANA] = 3
    first, second, third, fourth = await tickets(office, 4)
    for ticket in (first, second, third):
        await office.accept(ticket)
    office.limits[ANA] = 2
    await office.close(first)
    with pytest.raises(AgentLimitReachedError):
        await office.accept(fourth)
    await office.close(second)
    assert (await office.accept(fourth)).ticket.owner_id == ANA


async def test_what_a_supervisor_closes_gives_the_owner_room(office: Office) -> None:
    office.limits[ANA] = 1
    first, second = await tickets(office, 2)
    await office.accept(first)
    await office.close(first, SUPERVISOR)
    assert (await office.accept(second)).ticket.owner_id == ANA


async def test_reopening_needs_room_where_the_actor_attends(office: Office) -> None:
    office.limits[ANA] = 1
    first, second = await tickets(office, 2)
    await office.accept(first)
    await office.close(first)
    await office.accept(second)
    with pytest.raises(AgentLimitReachedError):
        await office.reopen(first)
    await office.close(second)
    assert (await office.reopen(first)).ticket.slot == 1
    with pytest.raises(AgentLimitReachedError):
        await office.reopen(second)


async def test_a_customer_goes_back_to_the_last_owner_only_while_there_is_room(
    office: Office,
) -> None:
    office.limits[ANA] = 1
    office.policies = Policies.model_validate(
        {"inbound_after_close": "always_reopen", "reopen_manual_target": "attending_by_last_owner"}
    )
    first, second = await tickets(office, 2)
    for ticket in (first, second):
        await office.accept(ticket)
        await office.close(ticket)
    office.later(minutes=30)
    for n in (0, 1):
        await office.hears(text("ainda não", at=office.at, phone=f"551191000000{n}"))
    states = [(await office.state(one, BIA)).ticket for one in (first, second)]
    assert [(one.lifecycle, one.owner_id) for one in states] == [
        (Lifecycle.ATTENDING, ANA),
        (Lifecycle.WAITING, None),
    ]
