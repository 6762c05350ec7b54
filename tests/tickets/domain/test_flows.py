"""When a flow answers, who takes over, and what it may do meanwhile (domain.md 2.3, 2.5)."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.people import BOT, SYSTEM, Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import opening
from services.tickets.domain.ticket.accepting import Accept
from services.tickets.domain.ticket.closing import Close, CloseByFlow
from services.tickets.domain.ticket.decide import TicketCommand, decide
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    NoteAdded,
    OwnerReleased,
    SectorAssigned,
    TicketAccepted,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketQueued,
)
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.flows import AssignSector, EndSilentSession, HandOff, StartFlow
from services.tickets.domain.ticket.opening import OpenByInbound
from services.tickets.domain.ticket.state import Lifecycle
from tests.support.builders import (
    ANA,
    AT,
    BIA,
    CARLA,
    CONVERSATION,
    FLOW,
    GERAL,
    MARINA,
    NUMBER,
    SESSION,
    SUPERVISOR,
    SUPORTE,
    TICKET,
    VENDAS,
    accepted,
    after,
    an_agent,
    an_id,
    assigned,
    closed,
    flow_ended,
    flow_started,
    opened,
    policies,
)
from tests.support.specs import Spec

ticket = Spec(evolve, decide)
WAITING = (opened(), assigned())
IN_BOT = (*WAITING, flow_started())
NOW = after(minutes=1)


def open_by(flow: UUID | None) -> list[TicketEvent]:
    return opening.decide(
        OpenByInbound(
            ticket_id=TICKET,
            message_id=an_id("oi"),
            contact_id=MARINA,
            connection_id=NUMBER,
            conversation_id=CONVERSATION,
            protocol="20261123-000001",
            sector_id=VENDAS,
            flow_id=flow,
            previous_ticket_id=None,
            at=AT,
            policies=policies(),
        )
    )


def start(
    by: Actor = ANA, flow: UUID | None = FLOW, *, minutes: int = 1, rules: Policies | None = None
) -> StartFlow:
    return StartFlow(
        actor=by,
        session_id=SESSION,
        flow_id=flow,
        window_closes_at=after(hours=24),
        at=after(minutes=minutes),
        policies=rules or policies(),
    )


def hand_off(sector: UUID | None = None, summary: str | None = None) -> HandOff:
    return HandOff(
        session_id=SESSION,
        sector_id=sector,
        reason="node",
        summary=summary,
        note_id=an_id("note"),
        at=NOW,
        policies=policies(),
    )


def close_by_flow(*, farewell: bool = False) -> CloseByFlow:
    return CloseByFlow(session_id=SESSION, farewell=farewell, at=NOW, policies=policies())


def test_a_connection_with_a_flow_opens_in_bot_with_its_session() -> None:
    events = open_by(FLOW)
    assert [type(one) for one in events] == [TicketOpened, SectorAssigned, FlowSessionStarted]
    first, last = events[0], events[-1]
    assert isinstance(first, TicketOpened)
    assert isinstance(last, FlowSessionStarted)
    assert first.lifecycle == "bot"
    assert (last.flow_id, last.opened_by, last.return_to) == (FLOW, an_id("oi"), None)
    state = ticket.folded(events)
    assert (state.lifecycle, state.session_id) == (Lifecycle.BOT, last.session_id)


def test_a_connection_without_one_opens_waiting() -> None:
    events = open_by(None)
    assert [type(one) for one in events] == [TicketOpened, SectorAssigned]
    assert ticket.folded(events).lifecycle is Lifecycle.WAITING


def test_an_agent_who_accepts_takes_over_from_the_flow() -> None:
    accept = Accept(actor=ANA, at=NOW, policies=policies())
    asked = ticket.given(*IN_BOT).when(accept)
    end, taken = asked.then(FlowSessionEnded, TicketAccepted)
    assert isinstance(end, FlowSessionEnded)
    assert (end.session_id, end.reason, end.by) == (SESSION, "human_takeover", ANA.author)
    state = ticket.folded([*IN_BOT, end, taken])
    assert (state.lifecycle, state.owner_id, state.session_id) == (
        Lifecycle.ATTENDING,
        ANA.agent_id,
        None,
    )


def test_taking_over_out_of_the_default_sector_names_a_real_one() -> None:
    member = an_agent("ana", GERAL, VENDAS)
    in_geral = ticket.given(opened(), assigned(GERAL), flow_started())
    accept = Accept(actor=member, at=NOW, policies=policies())
    in_geral.when(accept).then_refused(refusals.SectorRequiredError)
    named = replace(accept, sector_id=VENDAS)
    in_geral.when(named).then(SectorAssigned, FlowSessionEnded, TicketAccepted)


def test_an_agent_may_close_what_the_flow_answers() -> None:
    asked = Close(actor=ANA, at=NOW, policies=policies())
    end, over = ticket.given(*IN_BOT).when(asked).then(FlowSessionEnded, TicketClosed)
    assert isinstance(end, FlowSessionEnded)
    assert end.reason == "closed"
    assert ticket.folded([*IN_BOT, end, over]).session_id is None
    stranger = replace(asked, actor=CARLA)
    ticket.given(*IN_BOT).when(stranger).then_refused(refusals.NotInSectorError)


def test_a_hand_off_leaves_the_ticket_waiting_with_its_summary_as_a_note() -> None:
    asked = ticket.given(*IN_BOT).when(hand_off(SUPORTE, "quer segunda via"))
    events = asked.then(FlowSessionEnded, SectorAssigned, NoteAdded, TicketQueued)
    end, moved, note, queued = events
    assert isinstance(end, FlowSessionEnded)
    assert isinstance(moved, SectorAssigned)
    assert isinstance(note, NoteAdded)
    assert isinstance(queued, TicketQueued)
    assert (end.reason, queued.reason, end.by) == ("handoff", "node", BOT)
    assert (moved.sector_id, moved.previous_sector_id) == (SUPORTE, VENDAS)
    assert (note.text, note.by) == ("quer segunda via", BOT)
    state = ticket.folded([*IN_BOT, *events])
    assert (state.lifecycle, state.sector_id) == (Lifecycle.WAITING, SUPORTE)


@pytest.mark.parametrize("sector", [None, VENDAS])
def test_a_hand_off_into_the_same_sector_assigns_none(sector: UUID | None) -> None:
    ticket.given(*IN_BOT).when(hand_off(sector)).then(FlowSessionEnded, TicketQueued)


def test_a_flow_moves_the_ticket_and_keeps_it() -> None:
    asked = AssignSector(session_id=SESSION, sector_id=SUPORTE, at=NOW, policies=policies())
    (moved,) = ticket.given(*IN_BOT).when(asked).then(SectorAssigned)
    state = ticket.folded([*IN_BOT, moved])
    assert (state.lifecycle, state.sector_id) == (Lifecycle.BOT, SUPORTE)
    ticket.given(*IN_BOT).when(replace(asked, sector_id=VENDAS)).then_nothing()
    gone = replace(asked, sector_active=False)
    ticket.given(*IN_BOT).when(gone).then_refused(refusals.SectorInactiveError)


def test_a_flow_closes_and_says_itself_whether_with_the_farewell() -> None:
    for farewell in (True, False):
        asked = ticket.given(*IN_BOT).when(close_by_flow(farewell=farewell))
        end, over = asked.then(FlowSessionEnded, TicketClosed)
        assert isinstance(end, FlowSessionEnded)
        assert isinstance(over, TicketClosed)
        assert (end.reason, over.owner_id, over.farewell) == ("closed", None, farewell)


def test_a_reason_is_demanded_of_people_not_of_flows() -> None:
    strict = replace(close_by_flow(), policies=policies(close_reason="required"))
    ticket.given(*IN_BOT).when(strict).then(FlowSessionEnded, TicketClosed)
    given = replace(strict, reason_id=an_id("resolvido"))
    _, closed = ticket.given(*IN_BOT).when(given).then(FlowSessionEnded, TicketClosed)
    assert isinstance(closed, TicketClosed)
    assert closed.reason_id == an_id("resolvido")


def test_a_silent_session_ends_and_people_go_on() -> None:
    asked = EndSilentSession(session_id=SESSION, sector_id=None, at=NOW, policies=policies())
    end, queued = ticket.given(*IN_BOT).when(asked).then(FlowSessionEnded, TicketQueued)
    assert isinstance(end, FlowSessionEnded)
    assert isinstance(queued, TicketQueued)
    assert (end.reason, queued.reason, queued.by) == ("bot_silent", "bot_silent", SYSTEM)
    nowhere = ticket.given(opened(), flow_started())
    placed = replace(asked, sector_id=VENDAS)
    nowhere.when(placed).then(FlowSessionEnded, SectorAssigned, TicketQueued)


@pytest.mark.parametrize(
    "command",
    [
        hand_off(),
        AssignSector(session_id=SESSION, sector_id=SUPORTE, at=NOW, policies=policies()),
        close_by_flow(),
        EndSilentSession(session_id=SESSION, sector_id=None, at=NOW, policies=policies()),
    ],
    ids=lambda command: type(command).__name__,
)
def test_only_the_running_session_is_heard(command: TicketCommand) -> None:
    ended = (*IN_BOT, flow_ended())
    histories: tuple[tuple[TicketEvent, ...], ...] = (
        WAITING,
        ended,
        (*ended, accepted(ANA)),
        (*ended, closed(ANA)),
        (*WAITING, replace(flow_started(), session_id=an_id("another"))),
    )
    for history in histories:
        ticket.given(*history).when(command).then_refused(refusals.SessionEndedError)


def test_an_agent_starts_the_flow_of_a_waiting_ticket() -> None:
    (event,) = ticket.given(*WAITING).when(start()).then(FlowSessionStarted)
    assert isinstance(event, FlowSessionStarted)
    assert (event.by, event.return_to, event.opened_by) == (ANA.author, None, None)
    assert ticket.folded([*WAITING, event]).lifecycle is Lifecycle.BOT


def test_a_flow_starts_only_while_the_ticket_waits() -> None:
    ended = (*IN_BOT, flow_ended())
    ticket.given(*IN_BOT).when(start()).then_refused(refusals.TicketInBotError)
    attended = ticket.given(*ended, accepted(ANA))
    attended.when(start()).then_refused(refusals.TicketAttendedError)
    ticket.given(*WAITING, closed(ANA)).when(start()).then_refused(refusals.TicketClosedError)
    ticket.given(*ended).when(start()).then(FlowSessionStarted)


def test_a_flow_starts_by_its_sector_with_the_window_open_where_there_is_one() -> None:
    waiting = ticket.given(*WAITING)
    waiting.when(start(CARLA)).then_refused(refusals.NotInSectorError)
    waiting.when(start(SUPERVISOR)).then(FlowSessionStarted)
    waiting.when(start(flow=None)).then_refused(refusals.FlowUnavailableError)
    waiting.when(start(minutes=24 * 60)).then_refused(refusals.WindowClosedError)


def test_an_owner_lets_a_flow_answer_where_the_account_allows_it_and_is_who_it_returns_to() -> None:
    rules = policies(flow_manual_from=("waiting", "attending"))
    attended = ticket.given(*WAITING, accepted(ANA))
    released, started = attended.when(start(rules=rules)).then(OwnerReleased, FlowSessionStarted)
    assert isinstance(released, OwnerReleased)
    assert isinstance(started, FlowSessionStarted)
    assert (released.owner_id, released.reason) == (ANA.agent_id, "flow_started")
    assert started.return_to == ANA.agent_id
    state = ticket.folded([*WAITING, accepted(ANA), released, started])
    assert (state.lifecycle, state.owner_id) == (Lifecycle.BOT, None)
    attended.when(start(BIA, rules=rules)).then_refused(refusals.NotOwnerError)
    by_another = attended.when(start(SUPERVISOR, rules=rules))
    _, started = by_another.then(OwnerReleased, FlowSessionStarted)
    assert isinstance(started, FlowSessionStarted)
    assert started.return_to == ANA.agent_id


def given_to_the_flow() -> list[TicketEvent]:
    rules = policies(flow_manual_from=("attending",))
    attended = [*WAITING, accepted(ANA)]
    started = ticket.given(*attended).when(start(rules=rules))
    return [*attended, *started.then(OwnerReleased, FlowSessionStarted)]


def test_the_ticket_returns_to_the_owner_who_gave_it_to_the_flow() -> None:
    events = given_to_the_flow()
    assert ticket.folded(events).return_to == ANA.agent_id
    silent = EndSilentSession(
        session_id=SESSION, sector_id=None, return_to=ANA, at=NOW, policies=policies()
    )
    for command in (replace(hand_off(), return_to=ANA), silent):
        ended = ticket.given(*events).when(command).then(FlowSessionEnded, TicketAccepted)
        state = ticket.folded([*events, *ended])
        assert (state.owner_id, state.return_to) == (ANA.agent_id, None)
        back = ended[-1]
        assert isinstance(back, TicketAccepted)
        assert back.via == "flow"


def test_it_waits_where_the_flow_names_another_sector_or_the_owner_has_no_room() -> None:
    events = given_to_the_flow()
    elsewhere = replace(hand_off(SUPORTE), return_to=ANA)
    ticket.given(*events).when(elsewhere).then(FlowSessionEnded, SectorAssigned, TicketQueued)
    full = replace(hand_off(), return_to=replace(ANA, ticket_limit=1))
    ticket.given(*events).when(full).then(FlowSessionEnded, TicketQueued)
    gone = replace(hand_off(), return_to=None)
    ticket.given(*events).when(gone).then(FlowSessionEnded, TicketQueued)


def test_an_account_may_keep_flows_from_tickets_that_wait() -> None:
    rules = policies(flow_manual_from=("attending",))
    waiting = ticket.given(*WAITING).when(start(rules=rules))
    waiting.then_refused(refusals.TicketWaitingError)
