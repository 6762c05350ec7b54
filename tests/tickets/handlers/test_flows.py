"""What a flow may do to a ticket, what it is replied, and who goes on; on the real store."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.contact.events import ContactFieldSet
from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import (
    MessageCancelRequested,
    MessageQueued,
    MessageReceived,
)
from services.tickets.domain.people import BOT
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    NoteAdded,
    SectorAssigned,
    TicketAccepted,
    TicketClosed,
    TicketOpened,
    TicketQueued,
)
from services.tickets.domain.ticket.state import Lifecycle
from shared.contracts import inbound, outbound
from shared.contracts.directory import Policies, Texts
from shared.contracts.ticket_commands import (
    AssignSector,
    CancelMessage,
    CloseTicket,
    CommandReplied,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
    SetContactField,
    TicketCommand,
)
from tests.tickets.handlers.office import (
    ACCOUNT,
    ANA,
    CARLA,
    CLOSED_SECTOR,
    CONNECTION,
    FLOW,
    SUPERVISOR,
    SUPORTE,
    VENDAS,
    Office,
    item_fields,
    text,
)

MENU = {
    "type": "buttons",
    "text": "Como posso ajudar?",
    "buttons": [{"id": "s:1:a", "title": "Boleto"}, {"id": "s:1:b", "title": "Falar com alguém"}],
}
HELLO = {"type": "text", "text": "Olá!"}


@pytest.fixture
def bot(office: Office) -> Office:
    """The number enters a flow."""
    office.entry, office.flow_id = "flow", FLOW
    return office


async def a_session(office: Office) -> UUID:
    """The ticket of a customer whom the flow has just begun to answer."""
    await office.hears(text(at=office.at, phone=f"5511{uuid4().int % 10**9:09}"))
    return await office.newest_ticket()


async def says(
    office: Office, ticket: UUID, content: object = HELLO, command: UUID | None = None
) -> CommandReplied:
    return await office.steps(QueueAutomaticMessage, ticket, content=content, command=command)


async def test_the_first_message_opens_a_ticket_with_the_flow_and_without_a_greeting(
    bot: Office,
) -> None:
    bot.texts = Texts(greeting="Olá!")
    ticket = await a_session(bot)
    assert await bot.names() == [
        "ContactIdentified",
        "TicketOpened",
        "SectorAssigned",
        "FlowSessionStarted",
        "MessageReceived",
    ]
    (started,) = await bot.events(FlowSessionStarted)
    (received,) = await bot.events(MessageReceived)
    assert (started.flow_id, started.opened_by) == (FLOW, received.message_id)
    answered = await bot.state(ticket, ANA)
    assert (answered.ticket.lifecycle, answered.ticket.session_id) == ("bot", started.session_id)
    assert answered.allowed["accept"] is None
    assert isinstance(answered.allowed["send_message"], refusals.TicketInBotError)
    assert isinstance(answered.allowed["start_flow"], refusals.TicketInBotError)


@pytest.mark.parametrize(("entry", "flow"), [("flow", None), ("menu", FLOW), ("waiting", FLOW)])
async def test_another_entry_or_none_named_opens_waiting(
    bot: Office, entry: str, flow: UUID | None
) -> None:
    bot.entry, bot.flow_id = entry, flow  # pyright: ignore[reportAttributeAccessIssue]
    await a_session(bot)
    (opened,) = await bot.events(TicketOpened)
    assert opened.lifecycle == "waiting"
    assert await bot.events(FlowSessionStarted) == []
    assert await bot.timers() == []


async def test_who_comes_back_soon_waits_where_the_flow_led_before(bot: Office) -> None:
    bot.policies = Policies(rerun_bot="after", rerun_bot_after_minutes=60)
    bot.texts = Texts(greeting="Olá de novo")
    await bot.hears(text(at=bot.at))
    first = await bot.newest_ticket()
    await bot.steps(HandOff, first, sector_id=SUPORTE, reason="node")
    await bot.close(first, SUPERVISOR)
    bot.later(minutes=30)
    await bot.hears(text("mais uma coisa", at=bot.at))
    again = await bot.newest_ticket()
    assert again != first
    answered = (await bot.state(again, SUPERVISOR)).ticket
    assert (answered.lifecycle, answered.sector_id) == (Lifecycle.WAITING, SUPORTE)
    (greeting,) = await bot.events(MessageQueued)
    assert greeting.content is not None
    assert greeting.content.text == "Olá de novo"
    await bot.close(again, SUPERVISOR)
    bot.later(minutes=90)
    await bot.hears(text("outro dia", at=bot.at))
    assert len(await bot.events(FlowSessionStarted)) == 2


async def test_no_flow_answers_a_group(bot: Office) -> None:
    item = inbound.TextReceived(
        **item_fields(bot.at),
        wamid="wamid.group",
        sender=inbound.Sender(phone="5511900000001"),
        group_id="group-1",
        occurred_at=bot.at,
        text="oi",
    )
    await bot.hears(item)
    ticket = await bot.newest_ticket()
    assert (await bot.events(TicketOpened))[0].lifecycle == "waiting"
    with pytest.raises(refusals.FlowUnavailableError):
        await bot.start_flow(ticket)


async def test_the_bots_message_is_queued_after_the_one_before_with_what_can_be_tapped(
    bot: Office,
) -> None:
    ticket, command = await a_session(bot), uuid4()
    first = await says(bot, ticket)
    second = await says(bot, ticket, MENU, command)
    hello, menu = await bot.events(MessageQueued)
    assert (first.outcome, first.message_id) == ("done", hello.message_id)
    assert (second.message_id, menu.after) == (menu.message_id, hello.message_id)
    assert (menu.author, menu.automatic, menu.cause) == (BOT, "flow", command)
    assert hello.content == Content(type="text", text="Olá!")
    details: dict[str, object] = {"footer": None, "buttons": MENU["buttons"]}
    assert menu.content == Content(type="buttons", text="Como posso ajudar?", details=details)
    assert menu.recipient is not None


async def test_the_same_command_at_any_process_gets_the_same_reply_and_is_stored_once(
    bot: Office,
) -> None:
    ticket, command = await a_session(bot), uuid4()
    bot.tick = timedelta(seconds=1)
    first = await says(bot, ticket, command=command)
    assert await says(bot, ticket, command=command) == first
    assert await says(bot.another(), ticket, command=command) == first
    assert len(await bot.events(MessageQueued)) == 1
    other = await says(bot, ticket, {"type": "text", "text": "outra"}, command)
    assert (other.outcome, other.code) == ("refused", "idempotency_key_reused")


async def test_a_hand_off_that_comes_again_is_done_though_the_session_is_over(bot: Office) -> None:
    ticket, command = await a_session(bot), uuid4()
    replies = [
        await where.steps(HandOff, ticket, reason="node", summary="boleto", command=command)
        for where in (bot, bot, bot.another())
    ]
    assert [one.outcome for one in replies] == ["done"] * 3
    assert replies[0] == replies[2]
    assert [one.text for one in await bot.events(NoteAdded)] == ["boleto"]
    assert len(await bot.events(TicketQueued)) == 1
    assert await bot.timers() == []


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (QueueAutomaticMessage, {"content": HELLO}),
        (AssignSector, {"sector_id": SUPORTE}),
        (SetContactField, {"name": "cpf", "value": "1"}),
        (HandOff, {"reason": "node"}),
        (CloseTicket, {}),
        (KeepSession, {}),
    ],
)
async def test_a_session_that_does_not_run_is_refused_and_changes_nothing(
    bot: Office, kind: type[TicketCommand], fields: dict[str, Any]
) -> None:
    ticket = await a_session(bot)
    running = await bot.timers()
    stranger = await bot.steps(kind, ticket, session=uuid4(), **fields)
    assert (stranger.outcome, stranger.code) == ("refused", "session_ended")
    assert await bot.timers() == running
    await bot.another().accept(ticket)
    before, command = await bot.names(), uuid4()
    late = await bot.steps(kind, ticket, command=command, **fields)
    assert (late.outcome, late.code) == ("refused", "session_ended")
    assert await bot.names() == before
    assert await bot.database.store.outcome(ACCOUNT, command) is None


async def test_what_the_bot_says_after_the_window_is_refused(bot: Office) -> None:
    ticket = await a_session(bot)
    running = await bot.timers()
    bot.later(hours=24)
    reply = await says(bot, ticket)
    assert (reply.outcome, reply.code, reply.message_id) == ("refused", "window_closed", None)
    assert await bot.events(MessageQueued) == []
    assert await bot.timers() == running


async def test_a_ticket_that_does_not_exist_or_is_forgotten_is_a_reply(bot: Office) -> None:
    nowhere = await bot.steps(KeepSession, uuid4(), session=uuid4())
    assert (nowhere.outcome, nowhere.code) == ("refused", "not_found")
    ticket = await a_session(bot)
    contact = (await bot.log())[-1].key
    await bot.database.keys.destroy(contact)
    forgotten = await says(bot, ticket)
    assert (forgotten.outcome, forgotten.code) == ("refused", "contact_erased")


async def test_a_flow_moves_the_ticket_only_into_an_active_sector(bot: Office) -> None:
    ticket = await a_session(bot)
    closed = await bot.steps(AssignSector, ticket, sector_id=CLOSED_SECTOR)
    assert (closed.outcome, closed.code) == ("refused", "sector_inactive")
    assert (await bot.steps(AssignSector, ticket, sector_id=SUPORTE)).outcome == "done"
    assert (await bot.steps(AssignSector, ticket, sector_id=SUPORTE)).outcome == "done"
    assert [one.sector_id for one in await bot.events(SectorAssigned)] == [VENDAS, SUPORTE]
    await bot.accept(ticket, CARLA)


async def test_a_hand_off_is_never_held_off_by_a_sector(bot: Office) -> None:
    ticket = await a_session(bot)
    reply = await bot.steps(HandOff, ticket, reason="node", sector_id=CLOSED_SECTOR)
    assert reply.outcome == "done"
    answered = await bot.state(ticket, ANA)
    assert (answered.ticket.lifecycle, answered.ticket.sector_id) == ("waiting", VENDAS)


async def test_a_field_of_the_contact_is_set_once(bot: Office) -> None:
    ticket = await a_session(bot)
    for value in ("1", "1", "2"):
        reply = await bot.steps(SetContactField, ticket, name="cpf", value=value)
        assert reply.outcome == "done"
    fields = await bot.events(ContactFieldSet)
    assert [(one.previous_value, one.value) for one in fields] == [(None, "1"), ("1", "2")]


async def test_a_flow_closes_with_the_farewell_and_gives_the_contact_back(bot: Office) -> None:
    bot.texts = Texts(farewell="Tchau!")
    ticket = await a_session(bot)
    assert (await bot.steps(CloseTicket, ticket, farewell=True)).outcome == "done"
    assert [one.farewell for one in await bot.events(TicketClosed)] == [True]
    assert [one.automatic for one in await bot.events(MessageQueued)] == ["farewell"]
    other = await a_session(bot)
    assert (await bot.steps(CloseTicket, other)).outcome == "done"
    assert len(await bot.events(MessageQueued)) == 1
    reopened = await bot.reopen(ticket)
    assert (reopened.ticket.lifecycle, reopened.ticket.owner_id) == ("attending", ANA)


async def test_a_reason_is_demanded_of_people_not_of_flows(bot: Office) -> None:
    bot.policies = Policies(close_reason="required")
    ticket = await a_session(bot)
    assert (await bot.steps(CloseTicket, ticket)).outcome == "done"


@pytest.mark.parametrize("verb", ["accept", "close"])
async def test_who_takes_over_takes_back_what_has_not_been_sent(bot: Office, verb: str) -> None:
    bot.texts = Texts(acceptance="Sou a Ana.")
    ticket = await a_session(bot)
    sent, waiting = await says(bot, ticket), await says(bot, ticket, MENU)
    await bot.arrivals.when_outbound(await fate_of(bot, sent), "c")
    await getattr(bot, verb)(ticket)
    requested = await bot.events(MessageCancelRequested)
    assert [one.message_id for one in requested] == [waiting.message_id]
    assert (requested[0].reason, requested[0].by.agent_id) == ("session_ended", ANA)
    (end,) = await bot.events(FlowSessionEnded)
    assert end.reason == ("human_takeover" if verb == "accept" else "closed")
    assert await bot.timers() == []


async def fate_of(office: Office, reply: CommandReplied) -> outbound.MessageSent:
    queued = next(
        one for one in await office.events(MessageQueued) if one.message_id == reply.message_id
    )
    return outbound.MessageSent(
        message_id=queued.message_id,
        account_id=ACCOUNT,
        contact_id=queued.contact_id,
        connection_id=CONNECTION,
        conversation_id=queued.conversation_id,
        ticket_id=queued.ticket_id,
        occurred_at=office.at,
    )


async def test_a_flow_takes_back_its_own_message_also_after_its_session(bot: Office) -> None:
    ticket = await a_session(bot)
    said = await says(bot, ticket)
    await bot.steps(HandOff, ticket, reason="node")
    await bot.accept(ticket)
    mine = await bot.say(ticket)
    taken = [await bot.steps(CancelMessage, ticket, message_id=said.message_id) for _ in range(2)]
    assert [one.outcome for one in taken] == ["done", "done"]
    for foreign in (mine.message_id, uuid4()):
        refused = await bot.steps(CancelMessage, ticket, message_id=foreign)
        assert (refused.outcome, refused.code) == ("refused", "unknown_message")
    requested = await bot.events(MessageCancelRequested)
    assert [one.message_id for one in requested] == [said.message_id]


async def test_an_agent_starts_the_flow_of_a_ticket_that_waits(bot: Office) -> None:
    bot.entry = "waiting"
    ticket = await a_session(bot)
    answered = await bot.start_flow(ticket)
    (started,) = await bot.events(FlowSessionStarted)
    assert answered.ticket.session_id == started.session_id
    assert (started.return_to, started.opened_by) == (None, None)
    assert len(await bot.timers()) == 1
    with pytest.raises(refusals.TicketInBotError):
        await bot.start_flow(ticket)
    assert (await says(bot, ticket)).outcome == "done"
    assert await bot.timers() == []


async def test_an_accept_and_a_step_at_once_leave_one_who_answers(bot: Office) -> None:
    """The step that lost is refused, or it was stored before (domain.md 2.5)."""
    other = bot.another()
    for _ in range(15):
        ticket = await a_session(bot)
        _, reply = await asyncio.gather(bot.accept(ticket), says(other, ticket))
        log = await bot.log()
        accepted = next(
            one for one in log if one.stream == ticket and isinstance(one.event, TicketAccepted)
        )
        mine = [
            one
            for one in log
            if isinstance(one.event, MessageQueued) and one.event.ticket_id == ticket
        ]
        if reply.outcome == "refused":
            assert (reply.code, mine) == ("session_ended", [])
        else:
            assert [one.log_id < accepted.log_id for one in mine] == [True]


async def test_a_customer_who_answers_during_the_hand_off_is_heard_by_people(bot: Office) -> None:
    other = bot.another()
    for _ in range(10):
        phone = f"5511{uuid4().int % 10**9:09}"
        await bot.hears(text(at=bot.at, phone=phone))
        ticket = await bot.newest_ticket()
        handing = bot.steps(HandOff, ticket, reason="node")
        reply, _ = await asyncio.gather(handing, other.hears(text("2", at=bot.at, phone=phone)))
        assert reply.outcome == "done"
        assert (await bot.events(MessageReceived))[-1].ticket_id == ticket
        assert await bot.timers() == []
