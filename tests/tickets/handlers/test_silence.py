"""Nobody becomes invisible because the bot is down (protocols.md 8); a timer fires once (D12)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID, uuid4

import pytest

from services.tickets.domain.conversation.events import MessageReceived
from services.tickets.domain.silence import timer_id
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    SectorAssigned,
    TicketQueued,
)
from services.tickets.storage.timers import Timer, TimerTable
from shared.contracts.ticket_commands import (
    AssignSector,
    CancelMessage,
    KeepSession,
    QueueAutomaticMessage,
    SetContactField,
    TicketCommand,
)
from shared.plumbing.loops import Heartbeat
from shared.plumbing.metrics import REGISTRY
from tests.tickets.handlers.office import ACCOUNT, ANA, FLOW, SILENCE, SUPORTE, VENDAS, Office, text

FAILED: Final = """
SELECT attempts, last_error, extract(epoch FROM next_attempt_at - clock_timestamp())::float
FROM timer
"""
HELLO = {"type": "text", "text": "Olá!"}


@pytest.fixture
def bot(office: Office) -> Office:
    """The number enters a flow; the clock stands so that what it arms is due now."""
    office.entry, office.flow_id = "flow", FLOW
    office.at = datetime.now(UTC) - SILENCE - timedelta(seconds=1)
    return office


async def a_session(office: Office, phone: str = "5511912345678") -> UUID:
    await office.hears(text(at=office.at, phone=phone))
    return await office.newest_ticket()


async def fire(office: Office) -> None:
    await office.poller.run(Heartbeat())


async def lifecycle(office: Office, ticket: UUID) -> str:
    return (await office.state(ticket, ANA)).ticket.lifecycle


async def test_a_ticket_that_the_bot_never_answers_waits_for_people(bot: Office) -> None:
    ticket = await a_session(bot)
    await fire(bot)
    (end,) = await bot.events(FlowSessionEnded)
    (queued,) = await bot.events(TicketQueued)
    assert (end.reason, queued.reason) == ("bot_silent", "bot_silent")
    assert await lifecycle(bot, ticket) == "waiting"
    assert await bot.timers() == []
    assert {one.meta.actor for one in (await bot.log())[-2:]} == {"timer"}
    late = await bot.steps(QueueAutomaticMessage, ticket, content=HELLO)
    assert late.code == "session_ended"


async def test_before_its_time_nothing_is_fired(bot: Office) -> None:
    bot.at = datetime.now(UTC)
    ticket = await a_session(bot)
    await fire(bot)
    assert await lifecycle(bot, ticket) == "bot"
    assert len(await bot.timers()) == 1


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (QueueAutomaticMessage, {"content": HELLO}),
        (AssignSector, {"sector_id": SUPORTE}),
        (AssignSector, {"sector_id": VENDAS}),
        (SetContactField, {"name": "cpf", "value": "1"}),
        (KeepSession, {}),
    ],
)
async def test_a_command_of_the_session_ends_the_silence(
    bot: Office, kind: type[TicketCommand], fields: dict[str, Any]
) -> None:
    ticket = await a_session(bot)
    other = bot.another()
    await other.state(ticket, ANA)  # remembers the ticket as it was
    await bot.hears(text("de novo", at=bot.at))
    assert (await other.steps(kind, ticket, **fields)).outcome == "done"
    assert await bot.timers() == []
    await fire(bot)
    assert await lifecycle(bot, ticket) == "bot"


async def test_keeping_the_session_is_stored_once_and_replied_the_same_again(
    bot: Office,
) -> None:
    ticket, command = await a_session(bot), uuid4()
    first = await bot.steps(KeepSession, ticket, command=command)
    bot.later(seconds=1)
    assert await bot.steps(KeepSession, ticket, command=command) == first
    await bot.steps(KeepSession, ticket)
    assert (await bot.names()).count("FlowAcknowledged") == 1


async def test_each_message_of_the_customer_must_be_answered_anew(bot: Office) -> None:
    ticket = await a_session(bot)
    await bot.steps(KeepSession, ticket)
    await bot.hears(text("alguém?", at=bot.at))
    await bot.hears(text("oi?", at=bot.at))
    assert len(await bot.timers()) == 1, "the newer replaces the older"
    await fire(bot)
    assert await lifecycle(bot, ticket) == "waiting"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [(QueueAutomaticMessage, {"content": HELLO}), (AssignSector, {"sector_id": SUPORTE})],
)
async def test_an_answer_to_an_older_message_leaves_the_newer_one_unanswered(
    bot: Office, kind: type[TicketCommand], fields: dict[str, Any]
) -> None:
    ticket = await a_session(bot)
    (first,) = await bot.events(MessageReceived)
    await bot.hears(text("alguém?", at=bot.at))
    newest = (await bot.events(MessageReceived))[-1]
    (started,) = await bot.events(FlowSessionStarted)
    reply = await bot.steps(kind, ticket, heard=first.message_id, **fields)
    assert reply.outcome == "done"
    assert await bot.timers() == [timer_id(started.session_id, newest.message_id)]
    await bot.steps(KeepSession, ticket, heard=newest.message_id)
    assert await bot.timers() == []


async def test_a_message_to_take_back_after_the_session_touches_no_timer(bot: Office) -> None:
    ticket = await a_session(bot)
    said = await bot.steps(QueueAutomaticMessage, ticket, content=HELLO)
    await bot.accept(ticket)
    await bot.close(ticket)
    reply = await bot.steps(CancelMessage, ticket, message_id=said.message_id)
    assert reply.outcome == "done"
    assert await bot.timers() == []


async def test_a_ticket_without_a_sector_goes_to_the_connections(bot: Office) -> None:
    bot.sector_id = None
    ticket = await a_session(bot)
    assert await bot.events(SectorAssigned) == []
    bot.sector_id = VENDAS
    await fire(bot)
    assert [one.sector_id for one in await bot.events(SectorAssigned)] == [VENDAS]
    assert await lifecycle(bot, ticket) == "waiting"


async def test_a_stale_timer_only_loses_its_row(bot: Office) -> None:
    """As one that was leased while the customer wrote again, or of a session long over."""
    ticket = await a_session(bot)
    (started,) = await bot.events(FlowSessionStarted)
    stale = [timer_id(started.session_id, uuid4()), timer_id(uuid4(), uuid4())]
    async with bot.database.pool.connection() as conn:
        for id_ in stale:
            await conn.execute(
                "INSERT INTO timer (id, account, stream, kind, due) VALUES (%s, %s, %s, %s, %s)",
                (id_, ACCOUNT, ticket, "bot_silent", bot.at),
            )
    await bot.steps(KeepSession, ticket)
    assert sorted(await bot.timers()) == sorted(stale)
    before = await bot.names()
    await fire(bot)
    assert await bot.names() == before
    assert await bot.timers() == []


async def test_of_two_pollers_at_once_one_fires_each_timer(bot: Office) -> None:
    tickets = [await a_session(bot, f"55119000{number:05}") for number in range(30)]
    other = bot.another()
    await asyncio.gather(fire(bot), fire(other), fire(bot), fire(other))
    ended = [one.ticket_id for one in await bot.events(FlowSessionEnded)]
    assert sorted(ended) == sorted(tickets)
    assert await bot.timers() == []


async def test_one_that_fires_twice_ends_the_session_once(bot: Office) -> None:
    """A lease that was over before its holder had fired."""
    ticket = await a_session(bot)
    table = TimerTable(bot.database.pool, 30.0)
    (timer,) = await table.lease_due()
    assert await table.lease_due() == []
    other = bot.another()
    await asyncio.gather(_fired(bot, timer), _fired(other, timer))
    await _fired(bot, timer)
    assert len(await bot.events(FlowSessionEnded)) == 1
    assert await lifecycle(bot, ticket) == "waiting"


async def test_one_that_was_cleared_while_it_was_leased_is_not_fired(bot: Office) -> None:
    ticket = await a_session(bot)
    (timer,) = await TimerTable(bot.database.pool, 30.0).lease_due()
    assert (await bot.another().steps(KeepSession, ticket)).outcome == "done"
    await _fired(bot, timer)
    assert await lifecycle(bot, ticket) == "bot"


async def test_a_lease_that_is_over_is_taken_by_another(bot: Office) -> None:
    await a_session(bot)
    assert len(await TimerTable(bot.database.pool, 0.0).lease_due()) == 1
    await fire(bot)
    assert len(await bot.events(FlowSessionEnded)) == 1


async def test_a_timer_that_fails_does_not_hold_the_others(bot: Office) -> None:
    ticket = await a_session(bot)
    await one_that_fails(bot)
    await fire(bot)
    assert await lifecycle(bot, ticket) == "waiting"
    assert len(await bot.timers()) == 1, "it is tried again"


async def test_one_that_fails_is_tried_ever_more_rarely_and_never_given_up(bot: Office) -> None:
    await one_that_fails(bot)
    waits: list[float] = []
    for attempts in range(1, 12):
        await fire(bot)
        await fire(bot)  # it is not its turn
        ((count, error, seconds),) = await rows(bot, FAILED)
        assert (count, error) == (attempts, "not_found")
        waits.append(round(seconds))
        await rows(bot, "UPDATE timer SET next_attempt_at = clock_timestamp() RETURNING 1")
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


async def test_how_many_fail_and_how_late_they_are_is_measured(bot: Office) -> None:
    failures = TimerTable(bot.database.pool, 30.0).failures
    await failures.measure(Heartbeat())
    assert REGISTRY.get_sample_value("guiche_timers_failing") == 0
    await one_that_fails(bot)
    await fire(bot)
    await failures.measure(Heartbeat())
    assert REGISTRY.get_sample_value("guiche_timers_failing") == 1
    late = REGISTRY.get_sample_value("guiche_timers_failing_seconds") or 0
    assert late > SILENCE.total_seconds()


async def one_that_fails(bot: Office) -> None:
    """Of a ticket that is not there."""
    async with bot.database.pool.connection() as conn:
        await conn.execute(
            "INSERT INTO timer (id, account, stream, kind, due) VALUES (%s, %s, %s, %s, %s)",
            (uuid4(), ACCOUNT, uuid4(), "bot_silent", bot.at),
        )


async def rows(bot: Office, query: LiteralString) -> list[tuple[Any, ...]]:
    async with bot.database.pool.connection() as conn:
        return await (await conn.execute(query)).fetchall()


async def test_silence_and_a_step_at_once_leave_one_who_answers(bot: Office) -> None:
    other = bot.another()
    for number in range(15):
        ticket = await a_session(bot, f"55119000{number:05}")
        _, reply = await asyncio.gather(
            fire(bot), other.steps(QueueAutomaticMessage, ticket, content=HELLO)
        )
        found = await lifecycle(bot, ticket)
        assert (found, reply.code) in {("bot", None), ("waiting", "session_ended")}
        assert await bot.timers() == []


async def _fired(office: Office, timer: Timer) -> None:
    await office.poller._handler.fire(timer)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
