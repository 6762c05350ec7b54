"""Nobody waits for ever for people who do not come (bots.md, session rule 11); timers are D12's."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued
from services.tickets.domain.people import SYSTEM
from services.tickets.domain.refusals import RefusedError
from services.tickets.domain.ticket.events import (
    AutoMessageSkipped,
    FlowSessionStarted,
    TicketAccepted,
    TicketClosed,
    TicketQueued,
)
from services.tickets.storage.timers import Timer, TimerTable
from shared.contracts.directory import Policies
from shared.contracts.ticket_commands import HandOff, QueueAutomaticMessage
from shared.plumbing.loops import Heartbeat
from tests.tickets.handlers.office import (
    ANA,
    FLOW,
    OLD_REASON,
    ONLY_SUPORTE,
    PHONE,
    RESOLVED,
    Office,
    text,
)

AFTER = timedelta(minutes=15)
STILL = "Ainda estamos ocupados, {name}"


@pytest.fixture
def bot(office: Office) -> Office:
    """The number enters a flow; the clock stands so that who was handed over now has waited."""
    office.entry, office.flow_id = "flow", FLOW
    office.at = datetime.now(UTC) - AFTER - timedelta(seconds=1)
    return office


async def handed_over(office: Office, then: str, phone: str = PHONE, **more: object) -> UUID:
    """A ticket that waits since a flow has given it to people."""
    await office.hears(text(at=office.at, phone=phone))
    ticket = await office.newest_ticket()
    await hands_over(office, ticket, then, **more)
    return ticket


async def hands_over(office: Office, ticket: UUID, then: str, **more: object) -> None:
    asked = {"after_seconds": int(AFTER.total_seconds()), "then": then, **more}
    reply = await office.steps(HandOff, ticket, reason="node", unclaimed=asked)
    assert reply.outcome == "done"


async def fire(office: Office) -> None:
    """So much later, what is due: what that arms is not."""
    office.at = max(office.at, datetime.now(UTC))
    await office.poller.run(Heartbeat())


async def lifecycle(office: Office, ticket: UUID) -> str:
    return (await office.state(ticket, ANA)).ticket.lifecycle


async def said(office: Office) -> list[MessageQueued]:
    return [one for one in await office.events(MessageQueued) if one.automatic == "unclaimed"]


async def test_whom_nobody_takes_is_told_once_and_waits_on(bot: Office) -> None:
    ticket = await handed_over(bot, "message", text=STILL)
    await fire(bot)
    (message,) = await said(bot)
    assert message.content == Content(type="text", text=STILL), "its variables are the flow's"
    assert (message.ticket_id, message.author) == (ticket, SYSTEM)
    assert await lifecycle(bot, ticket) == "waiting"
    assert await bot.timers() == []
    await bot.timers_are_due()
    await fire(bot)
    assert len(await said(bot)) == 1


async def test_what_is_said_then_is_sealed(bot: Office) -> None:
    await handed_over(bot, "message", text="segredo")
    async with bot.database.pool.connection() as conn:
        rows = await (await conn.execute("SELECT state FROM event")).fetchall()
    assert not [row for row in rows if b"segredo" in bytes(row[0])]
    (queued,) = await bot.events(TicketQueued)
    assert queued.unclaimed_text == "segredo"


async def test_before_its_time_nothing_follows(bot: Office) -> None:
    bot.at = datetime.now(UTC)
    await handed_over(bot, "message", text=STILL)
    await fire(bot)
    assert await said(bot) == []
    assert len(await bot.timers()) == 1


async def test_out_of_the_window_it_is_only_noted_that_nothing_was_said(bot: Office) -> None:
    ticket = await handed_over(bot, "message", text=STILL)
    bot.later(hours=25)
    await fire(bot)
    assert await said(bot) == []
    (skipped,) = await bot.events(AutoMessageSkipped)
    assert (skipped.ticket_id, skipped.kind, skipped.reason) == (
        ticket,
        "unclaimed",
        "window_closed",
    )
    assert await bot.timers() == []


@pytest.mark.parametrize("then", ["message", "flow", "close"])
async def test_who_accepts_or_closes_clears_the_timer(bot: Office, then: str) -> None:
    accepted = await handed_over(bot, then, text=STILL)
    closed = await handed_over(bot, then, "5511987654321", text=STILL)
    assert len(await bot.timers()) == 2
    await bot.another().accept(accepted)
    await bot.another().close(closed)
    assert await bot.timers() == []


async def test_a_flow_that_starts_by_hand_clears_it_and_another_hand_off_sets_its_own(
    bot: Office,
) -> None:
    ticket = await handed_over(bot, "close")
    (first,) = await bot.timers()
    await bot.start_flow(ticket)
    assert first not in await bot.timers()
    await hands_over(bot, ticket, "close")
    (second,) = await bot.timers()
    assert second != first


async def test_the_flow_starts_again_and_its_silence_is_watched(bot: Office) -> None:
    ticket = await handed_over(bot, "flow")
    await fire(bot)
    assert await lifecycle(bot, ticket) == "bot"
    started = (await bot.events(FlowSessionStarted))[-1]
    assert (started.flow_id, started.by, started.opened_by) == (FLOW, SYSTEM, None)
    assert len(await bot.timers_of("bot_silent")) == 1
    content = {"type": "text", "text": "Olá de novo!"}
    reply = await bot.steps(QueueAutomaticMessage, ticket, content=content)
    assert reply.outcome == "done"
    assert await bot.timers() == []


async def test_flow_and_queue_do_not_take_turns_on_their_own(bot: Office) -> None:
    ticket = await handed_over(bot, "flow")
    await fire(bot)
    await hands_over(bot, ticket, "flow")
    await bot.timers_are_due()
    await fire(bot)
    assert await lifecycle(bot, ticket) == "waiting"
    assert await bot.timers() == []
    await bot.hears(text("alguém?", at=bot.at))
    await bot.start_flow(ticket)
    await hands_over(bot, ticket, "flow")
    await bot.timers_are_due()
    await fire(bot)
    assert await lifecycle(bot, ticket) == "bot", "the customer has said something since"


async def test_a_flow_that_the_connection_has_no_more_leaves_the_ticket_waiting(
    bot: Office,
) -> None:
    ticket = await handed_over(bot, "flow")
    bot.flow_id = None
    await fire(bot)
    assert await lifecycle(bot, ticket) == "waiting"
    assert await bot.timers() == [], "it is not asked again"


@pytest.mark.parametrize("reason", [uuid4(), OLD_REASON, ONLY_SUPORTE])
async def test_a_reason_that_cannot_be_used_is_left_out(bot: Office, reason: UUID) -> None:
    ticket = await handed_over(bot, "close", reason_id=reason)
    await fire(bot)
    assert [one.reason_id for one in await bot.events(TicketClosed)] == [None]
    assert await lifecycle(bot, ticket) == "closed"


async def test_a_ticket_is_closed_after_its_text_and_the_customer_opens_a_new_one(
    bot: Office,
) -> None:
    ticket = await handed_over(bot, "close", text="Voltamos amanhã", reason_id=RESOLVED)
    await fire(bot)
    (closed,) = await bot.events(TicketClosed)
    assert (closed.reason_id, closed.owner_id, closed.by) == (RESOLVED, None, SYSTEM)
    assert [one.content for one in await said(bot)] == [
        Content(type="text", text="Voltamos amanhã")
    ]
    assert await lifecycle(bot, ticket) == "closed"
    await bot.hears(text("oi de novo", at=bot.at))
    assert await bot.newest_ticket() != ticket


async def test_a_reason_that_is_demanded_of_people_is_not_demanded_of_a_timer(bot: Office) -> None:
    bot.policies = Policies(close_reason="required")
    ticket = await handed_over(bot, "close")
    await fire(bot)
    assert await lifecycle(bot, ticket) == "closed"
    assert await bot.timers() == []


async def test_a_hand_off_that_comes_twice_is_one_with_one_timer(bot: Office) -> None:
    await bot.hears(text(at=bot.at))
    ticket, command = await bot.newest_ticket(), uuid4()
    asked = {"after_seconds": 900, "then": "message", "text": STILL}
    first = await bot.steps(HandOff, ticket, command=command, reason="node", unclaimed=asked)
    again = await bot.another().steps(
        HandOff, ticket, command=command, reason="node", unclaimed=asked
    )
    assert again == first
    assert len(await bot.timers()) == 1


@pytest.mark.parametrize("then", ["message", "flow", "close"])
async def test_one_that_fires_twice_acts_once(bot: Office, then: str) -> None:
    """A lease that was over before its holder had fired."""
    ticket = await handed_over(bot, then, text=STILL)
    (timer,) = await TimerTable(bot.database.pool, 30.0).lease_due()
    other = bot.another()
    await asyncio.gather(_fired(bot, timer), _fired(other, timer))
    before = await bot.names()
    await _fired(bot, timer)
    await _fired(other, timer)
    assert await bot.names() == before
    done = {"message": "waiting", "flow": "bot", "close": "closed"}
    assert await lifecycle(bot, ticket) == done[then]


async def test_one_that_was_leased_while_somebody_accepted_does_nothing(bot: Office) -> None:
    ticket = await handed_over(bot, "close")
    (timer,) = await TimerTable(bot.database.pool, 30.0).lease_due()
    await bot.another().accept(ticket)
    before = await bot.names()
    await _fired(bot, timer)
    assert await bot.names() == before
    assert await lifecycle(bot, ticket) == "attending"


@pytest.mark.parametrize("then", ["message", "flow", "close"])
async def test_of_a_timer_and_an_agent_at_once_the_append_decides(bot: Office, then: str) -> None:
    other = bot.another()
    for number in range(12):
        ticket = await handed_over(bot, then, f"55119000{number:05}", text=STILL)
        _, accepted = await asyncio.gather(fire(bot), _accepts(other, ticket))
        found = await lifecycle(bot, ticket)
        assert found == ("attending" if accepted else "closed")
        assert await bot.timers_of("unclaimed") == set()
    taken = [one.ticket_id for one in await bot.events(TicketAccepted)]
    assert len(taken) == len(set(taken))


async def _accepts(office: Office, ticket: UUID) -> bool:
    try:
        await office.accept(ticket)
    except RefusedError:
        return False
    return True


async def _fired(office: Office, timer: Timer) -> None:
    await office.poller._handler.fire(timer)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
