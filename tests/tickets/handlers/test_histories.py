"""What holds after any history of customers and agents at two processes (domain.md 2.8)."""

import asyncio
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any, Literal, get_args
from uuid import UUID, uuid4

import pytest

from services.tickets.domain.conversation.events import (
    ConversationEvent,
    MessageQueued,
    MessageReceived,
)
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.refusals import RefusedError
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketReopened,
)
from services.tickets.domain.ticket.state import OWNED, Lifecycle, Ticket
from services.tickets.handlers.side_effects import Situation, claims_of, timers_of
from services.tickets.handlers.timers import KINDS as KINDS_OF_TIMERS
from services.tickets.storage.contract import StoredEvent
from services.tickets.storage.state_cache import (
    CONTACT,
    CONVERSATION,
    MESSAGE,
    TICKET,
    Kind,
    folded_to,
)
from shared.contracts import inbound
from shared.contracts.directory import Policies, Texts
from shared.contracts.ticket_commands import (
    AssignSector,
    CloseTicket,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
    TicketCommand,
)
from shared.plumbing.loops import Heartbeat
from tests.tickets.handlers.office import ANA, BIA, FLOW, SUPERVISOR, SUPORTE, Office, text

PHONES = [f"55119{n}0000000" for n in range(4)]
SAYINGS = ["oi", "obrigada", "e o boleto?", "ok"]
KINDS = ["hear", "hear", "again", "accept", "say", "close", "reopen", "start flow", "step", "step"]
STEPS, AT_ONCE = 12, 8
UNCLAIMED = {"after_seconds": 900, "then": "message", "text": "Já vamos"}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("after_close", ["new_ticket", "always_reopen"])
@pytest.mark.parametrize("entry", ["waiting", "flow"])
async def test_any_history_keeps_what_must_hold(
    office: Office, seed: int, after_close: str, entry: Literal["waiting", "flow"]
) -> None:
    office.entry, office.flow_id = entry, FLOW
    office.limits = {ANA: 1, BIA: 2}
    chance = Random(seed)  # noqa: S311  a history, not a secret
    office.policies = Policies.model_validate({"inbound_after_close": after_close})
    office.texts = Texts(greeting="Olá", acceptance="Sou eu", farewell="Tchau")
    other = office.another()
    said: list[inbound.TextReceived] = []
    for _ in range(STEPS):
        office.later(minutes=chance.choice([1, 30, 600]))
        other.at = office.at
        tickets = [one.ticket_id for one in await office.events(TicketOpened)]
        steps = [
            _step(chance, chance.choice([office, other]), tickets, said) for _ in range(AT_ONCE)
        ]
        await asyncio.gather(*steps)
    log = await office.log()
    _at_most_one_open_ticket(log)
    _each_saying_once(log, said)
    _each_automatic_message_once(log)
    _nothing_is_said_after_the_window(log)
    _a_flow_speaks_only_in_its_session(log)
    _nobody_owns_more_than_allowed(log, office.limits)
    await _memory_is_the_log(office, other, log)
    await _timers_and_claims_are_those_that_the_states_name(office, log)
    await _silence_ends_only_running_sessions(office, log)


async def _step(
    chance: Random, where: Office, tickets: list[UUID], said: list[inbound.TextReceived]
) -> None:
    ticket = chance.choice(tickets) if tickets else None
    agent = chance.choice([ANA, BIA, SUPERVISOR])
    kind = chance.choice(KINDS)
    try:
        if kind == "again" and said:
            await where.hears(chance.choice(said))
        elif kind in {"hear", "again"} or ticket is None:
            late = timedelta(hours=chance.choice([0, 0, 0, 30]))
            item = text(chance.choice(SAYINGS), at=where.at - late, phone=chance.choice(PHONES))
            said.append(item)
            await where.hears(item)
        elif kind == "accept":
            await where.accept(ticket, agent)
        elif kind == "say":
            await where.say(ticket, by=agent)
        elif kind == "close":
            await where.close(ticket, agent, farewell=True)
        elif kind == "reopen":
            await where.reopen(ticket, agent)
        elif kind == "start flow":
            await where.start_flow(ticket, agent)
        else:
            await _step_of_a_flow(chance, where, ticket)
    except RefusedError:
        return


async def _step_of_a_flow(chance: Random, where: Office, ticket: UUID) -> None:
    """What some command of the ticket's newest session does, once or twice."""
    if all(one.ticket_id != ticket for one in await where.events(FlowSessionStarted)):
        return
    steps: list[tuple[type[TicketCommand], dict[str, Any]]] = [
        (QueueAutomaticMessage, {"content": {"type": "text", "text": "Olá"}}),
        (AssignSector, {"sector_id": SUPORTE}),
        (HandOff, {"reason": "node", "summary": "boleto"}),
        (HandOff, {"reason": "node", "unclaimed": UNCLAIMED}),
        (CloseTicket, {"farewell": True}),
        (KeepSession, {}),
    ]
    kind, fields = chance.choice(steps)
    command = uuid4()
    for _ in range(chance.choice([1, 2])):
        await where.steps(kind, ticket, command=command, **fields)


def _at_most_one_open_ticket(log: list[StoredEvent]) -> None:
    open_of: dict[UUID, UUID] = {}
    for stored in log:
        event = stored.event
        if isinstance(event, TicketOpened | TicketReopened):
            assert event.contact_id not in open_of
            open_of[event.contact_id] = event.ticket_id
        elif isinstance(event, TicketClosed):
            assert open_of.pop(event.contact_id) == event.ticket_id
        elif isinstance(event, MessageReceived) and not event.after_close:
            assert open_of[event.contact_id] == event.ticket_id


def _each_saying_once(log: list[StoredEvent], said: list[inbound.TextReceived]) -> None:
    stored = Counter(one.event.wamid for one in log if isinstance(one.event, MessageReceived))
    assert stored == Counter({item.wamid: 1 for item in said})


def _each_automatic_message_once(log: list[StoredEvent]) -> None:
    keys = Counter(
        (one.event.ticket_id, one.event.automatic, one.event.cause)
        for one in log
        if isinstance(one.event, MessageQueued) and one.event.automatic
    )
    assert keys
    assert set(keys.values()) == {1}


def _nothing_is_said_after_the_window(log: list[StoredEvent]) -> None:
    heard: dict[UUID, list[MessageReceived]] = {}
    for one in log:
        if isinstance(one.event, MessageReceived):
            heard.setdefault(one.event.contact_id, []).append(one.event)
        if isinstance(one.event, MessageQueued):
            newest = max(message.occurred_at for message in heard[one.event.contact_id])
            assert one.event.occurred_at < newest + timedelta(hours=24)


def _a_flow_speaks_only_in_its_session(log: list[StoredEvent]) -> None:
    """And each ticket has an owner exactly when it is attended, at every version (2.8, 2 and 7)."""
    tickets: dict[UUID, Ticket] = {}
    for stored in log:
        event = stored.event
        if isinstance(event, MessageQueued) and event.automatic == "flow":
            assert tickets[event.ticket_id].lifecycle is Lifecycle.BOT
        if isinstance(event, get_args(TicketEvent)):
            state = tickets[stored.stream] = TICKET.fold(tickets.get(stored.stream), event)
            assert (state.session_id is not None) == (state.lifecycle is Lifecycle.BOT)
            assert (state.owner_id is not None) == (state.lifecycle in OWNED)


def _nobody_owns_more_than_allowed(log: list[StoredEvent], limits: dict[UUID, int]) -> None:
    """At every version; a slot is one ticket's."""
    tickets: dict[UUID, Ticket] = {}
    for stored in log:
        if isinstance(stored.event, get_args(TicketEvent)):
            tickets[stored.stream] = TICKET.fold(tickets.get(stored.stream), stored.event)
            slots = Counter((one.owner_id, one.slot) for one in tickets.values() if one.slot)
            assert all(number == 1 for number in slots.values())
            owned = Counter(one.owner_id for one in tickets.values() if one.owner_id)
            assert all(owned[agent] <= limit for agent, limit in limits.items())


async def _timers_and_claims_are_those_that_the_states_name(
    office: Office, log: list[StoredEvent]
) -> None:
    tickets: dict[UUID, Ticket] = {}
    conversations: dict[UUID, Conversation] = {}
    for stored in log:
        if isinstance(stored.event, get_args(TicketEvent)):
            tickets[stored.stream] = TICKET.fold(tickets.get(stored.stream), stored.event)
        if isinstance(stored.event, get_args(ConversationEvent)):
            known = conversations.get(stored.stream)
            conversations[stored.stream] = CONVERSATION.fold(known, stored.event)
    named: dict[UUID, str] = {}
    claimed: set[tuple[str, bytes, bytes]] = set()
    for ticket in tickets.values():
        situation = Situation(ticket, conversations[ticket.conversation_id])
        named |= {one.id: one.kind for one in timers_of(situation, office.at).values()}
        claimed |= {(one.kind, one.key, one.value) for one in claims_of(ticket)}
    assert {kind: await office.timers_of(kind) for kind in KINDS_OF_TIMERS} == {
        kind: {id_ for id_, named_kind in named.items() if named_kind == kind}
        for kind in KINDS_OF_TIMERS
    }
    assert await office.claims("open_ticket", "agent_slot") == claimed


async def _silence_ends_only_running_sessions(office: Office, log: list[StoredEvent]) -> None:
    """A timer that an accept left behind is stale: it ends nothing and loses its row."""
    last: dict[UUID, Ticket] = {}
    for stored in log:
        if isinstance(stored.event, get_args(TicketEvent)):
            last[stored.stream] = TICKET.fold(last.get(stored.stream), stored.event)
    running = {one.session_id for one in last.values()} - {None}
    armed = await office.timers_are_due()
    await office.poller.run(Heartbeat())
    new = [one.event for one in (await office.log())[len(log) :]]
    ended = {one.session_id for one in new if isinstance(one, FlowSessionEnded)}
    assert ended <= running
    assert len(ended) <= armed
    assert await office.timers() == []


async def _memory_is_the_log(office: Office, other: Office, log: list[StoredEvent]) -> None:
    """What each process would decide on, once it knows the newest version, is a replay."""
    kinds: dict[str, Kind[Any]] = {
        "ContactIdentified": CONTACT,
        "TicketOpened": TICKET,
        "MessageReceived": CONVERSATION,
        "MessageAccepted": MESSAGE,
    }
    streams: dict[UUID, list[StoredEvent]] = {}
    for stored in log:
        streams.setdefault(stored.stream, []).append(stored)
    for where in (office, other):
        warm = where.cache
        for stream, events in streams.items():
            kind = kinds[type(events[0].event).__name__]
            held = await warm.get(kind, stream)
            assert held.version <= len(events)
            assert held.state == folded_to(events, kind, held.version)
