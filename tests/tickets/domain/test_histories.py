"""What holds after any history of a ticket (domain.md 2.8)."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal, get_args

from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.refusals import RefusedError
from services.tickets.domain.ticket.accepting import Accept
from services.tickets.domain.ticket.closing import Close, CloseByFlow
from services.tickets.domain.ticket.decide import TicketCommand, decide
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    OwnerReleased,
    SectorAssigned,
    TicketAccepted,
    TicketClosed,
    TicketEvent,
)
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.flows import AssignSector, EndSilentSession, HandOff, StartFlow
from services.tickets.domain.ticket.pausing import (
    EndPause,
    Pause,
    ReceiveWhilePaused,
    Resume,
    ReturnPaused,
)
from services.tickets.domain.ticket.reopening import Reopen, ReopenByInbound
from services.tickets.domain.ticket.returning import ReturnToWaiting
from services.tickets.domain.ticket.state import OWNED, Lifecycle, Ticket
from services.tickets.domain.ticket.transferring import TransferToAgent, TransferToSector
from services.tickets.domain.ticket.unclaimed import ActOnUnclaimed
from services.tickets.domain.unclaimed import Unclaimed
from tests.support.builders import (
    ANA,
    AT,
    BIA,
    CARLA,
    FLOW,
    GERAL,
    SESSION,
    SUPERVISOR,
    SUPORTE,
    VENDAS,
    after,
    an_agent,
    an_id,
    assigned,
    flow_started,
    opened,
)

DORA = an_agent("dora", GERAL, VENDAS, SUPORTE)
ACTORS = (ANA, BIA, CARLA, DORA, SUPERVISOR)
SECTORS = (GERAL, VENDAS, SUPORTE)
Step = tuple[str, Actor, int, bool]
KINDS = (
    "accept",
    "accept elsewhere",
    "pause",
    "resume",
    "pause over",
    "return",
    "transfer to sector",
    "transfer to agent",
    "customer while paused",
    "return paused",
    "nobody came",
    "close",
    "reopen",
    "customer",
    "start flow",
    "hand off",
    "assign",
    "close by flow",
    "silence",
)

steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(ACTORS),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=25,
)
rules = st.builds(
    Policies,
    default_sector_id=st.just(GERAL),
    reopen_manual_target=st.sampled_from(
        ["attending_by_actor", "attending_by_last_owner", "waiting"]
    ),
    reopen_who=st.sampled_from(["sector_member", "owner", "supervisor"]),
    reopen_limit_days=st.sampled_from([None, 1]),
    farewell=st.sampled_from(["ask", "always", "never"]),
    close_reason=st.sampled_from(["off", "required"]),
    close_from_waiting=st.booleans(),
    on_inbound_while_paused=st.sampled_from(["resume", "stay_and_flag", "to_waiting_after"]),
    force_sector_on_accept=st.booleans(),
    flow_manual_from=st.sampled_from([("waiting",), ("waiting", "attending"), ("attending",)]),
)


def history(chosen: list[Step], policies: Policies) -> tuple[list[TicketEvent], list[Ticket]]:
    """The events of a ticket that lived through these steps, and its state at every version."""
    events = _first(in_bot=len(chosen) % 2 == 0)
    states = _states(events)
    for number, step in enumerate(chosen):
        try:
            new = decide(states[-1], _command(step, states[-1], policies, number))
        except RefusedError:
            continue
        for event in new:
            events.append(event)
            states.append(evolve(states[-1], event))
    return events, states


def _first(*, in_bot: bool) -> list[TicketEvent]:
    """A ticket that waits, or one that a flow answers first."""
    if not in_bot:
        return [opened(), assigned()]
    return [replace(opened(), lifecycle="bot"), assigned(), flow_started()]


def _command(  # noqa: C901, PLR0911, PLR0912  one per kind
    step: Step, ticket: Ticket, policies: Policies, number: int
) -> TicketCommand:
    kind, actor, choice, flag = step
    at = after(hours=number)
    last = next((one for one in ACTORS if one.agent_id == ticket.last_owner_id), None)
    match kind:
        case "accept":
            return Accept(actor=actor, at=at, policies=policies)
        case "pause":
            until = after(hours=number + 1) if flag else None
            return Pause(actor=actor, until=until, at=at, policies=policies)
        case "resume":
            return Resume(actor=actor, at=at, policies=policies)
        case "pause over":
            timer = ticket.pause.id if ticket.pause and flag else an_id("another pause")
            return EndPause(timer_id=timer, at=at, policies=policies)
        case "return":
            return ReturnToWaiting(actor=actor, at=at, policies=policies)
        case "transfer to sector":
            return TransferToSector(
                actor=actor, sector_id=SECTORS[choice], at=at, policies=policies
            )
        case "transfer to agent":
            target, sector = ACTORS[choice], SECTORS[choice] if flag else None
            return TransferToAgent(
                actor=actor, target=target, sector_id=sector, at=at, policies=policies
            )
        case "customer while paused":
            return ReceiveWhilePaused(message_id=an_id(f"m{number}"), at=at, policies=policies)
        case "return paused":
            timer = ticket.return_to_queue.id if ticket.return_to_queue else an_id("none")
            return ReturnPaused(timer_id=timer, at=at, policies=policies)
        case "nobody came":
            waits = ticket.unclaimed
            return ActOnUnclaimed(
                timer_id=waits.timer_id if waits else an_id("no timer"),
                session_id=an_id(f"again {number}"),
                flow_id=FLOW if flag else None,
                received_id=an_id(f"m{choice}"),
                window_closes_at=after(hours=24),
                at=at,
                policies=policies,
            )
        case "accept elsewhere":
            return Accept(actor=actor, sector_id=SECTORS[choice], at=at, policies=policies)
        case "close":
            reason = an_id("reason") if flag else None
            return Close(actor=actor, reason_id=reason, at=at, policies=policies)
        case "reopen":
            last = last if flag else None
            return Reopen(actor=actor, last_owner=last, at=at, policies=policies)
        case "customer":
            return ReopenByInbound(last_owner=last, at=at, policies=policies)
        case _:
            return _of_a_flow(step, ticket, policies, number)


def _of_a_flow(step: Step, ticket: Ticket, policies: Policies, number: int) -> TicketCommand:
    """By the running session, or (by flag) by one that never ran."""
    kind, actor, choice, flag = step
    at, sector = after(hours=number), SECTORS[choice]
    session = ticket.session_id or SESSION
    session = an_id("of another ticket") if flag and choice == 0 else session
    match kind:
        case "start flow":
            return StartFlow(
                actor=actor,
                session_id=an_id(f"session {number}"),
                flow_id=FLOW,
                window_closes_at=after(hours=24),
                at=at,
                policies=policies,
            )
        case "hand off":
            named = sector if flag else None
            note = an_id(f"note {number}")
            return HandOff(
                session_id=session,
                sector_id=named,
                reason="node",
                note_id=note,
                unclaimed=_unclaimed(number, choice) if flag else None,
                at=at,
                policies=policies,
            )
        case "assign":
            return AssignSector(session_id=session, sector_id=sector, at=at, policies=policies)
        case "close by flow":
            return CloseByFlow(session_id=session, farewell=flag, at=at, policies=policies)
        case _:
            return EndSilentSession(session_id=session, sector_id=None, at=at, policies=policies)


def _unclaimed(number: int, choice: int) -> Unclaimed:
    then: list[Literal["message", "flow", "close"]] = ["message", "flow", "close"]
    return Unclaimed(timer_id=an_id(f"t{number}"), due=after(hours=number + 1), then=then[choice])


def test_every_command_is_drawn() -> None:
    state = _states(_first(in_bot=False))[-1]
    drawn = {type(_command((kind, ANA, 0, False), state, Policies(), 1)) for kind in KINDS}
    assert drawn == set(get_args(TicketCommand))


def _states(events: list[TicketEvent]) -> list[Ticket]:
    states: list[Ticket] = []
    state: Ticket | None = None
    for event in events:
        state = evolve(state, event)
        states.append(state)
    return states


@given(steps, rules)
def test_every_version_has_an_owner_exactly_when_it_is_attended(
    chosen: list[Step], policies: Policies
) -> None:
    for state in history(chosen, policies)[1]:
        assert (state.owner_id is not None) == (state.lifecycle in OWNED)
        assert (state.closed_at is not None) == (state.lifecycle is Lifecycle.CLOSED)


@given(steps, rules)
def test_a_session_runs_at_every_version_exactly_while_the_ticket_is_with_the_bot(
    chosen: list[Step], policies: Policies
) -> None:
    events, states = history(chosen, policies)
    running = None
    for event, state in zip(events, states, strict=True):
        if isinstance(event, FlowSessionStarted):
            assert running is None
            running = event.session_id
        if isinstance(event, FlowSessionEnded):
            assert event.session_id == running
            running = None
        assert state.session_id == running
        assert (running is not None) == (state.lifecycle is Lifecycle.BOT)


@given(steps, rules)
def test_the_owner_belongs_to_the_sector_or_the_event_says_who_overrode(
    chosen: list[Step], policies: Policies
) -> None:
    sector = None
    for event in history(chosen, policies)[0]:
        if isinstance(event, SectorAssigned):
            assert event.previous_sector_id == sector
            sector = event.sector_id
        if isinstance(event, TicketAccepted):
            owner = next(one for one in ACTORS if one.agent_id == event.owner_id)
            assert event.sector_id == sector
            assert owner.works_in(sector) == (event.override_by is None)


@given(steps, rules)
def test_nobody_is_accepted_over_the_head_of_an_owner(
    chosen: list[Step], policies: Policies
) -> None:
    owner = None
    for event in history(chosen, policies)[0]:
        if isinstance(event, TicketAccepted):
            assert owner is None
            owner = event.owner_id
        if isinstance(event, TicketClosed | OwnerReleased):
            assert event.owner_id == owner
            owner = None


@given(steps, rules)
def test_the_times_spent_in_each_state_make_the_whole_life(
    chosen: list[Step], policies: Policies
) -> None:
    events, states = history(chosen, policies)
    spent: dict[Lifecycle, timedelta] = {}
    for state, left, entered in zip(states, events[1:], events, strict=False):
        time = left.occurred_at - entered.occurred_at
        assert time >= timedelta()
        spent[state.lifecycle] = spent.get(state.lifecycle, timedelta()) + time
    if states[-1].closed_at is not None:
        assert sum(spent.values(), timedelta()) == states[-1].closed_at - AT


@given(steps, rules)
def test_a_replay_gives_the_state_that_was_lived(chosen: list[Step], policies: Policies) -> None:
    events, states = history(chosen, policies)
    assert _states(events) == states


@given(steps, rules, st.sampled_from(ACTORS))
def test_deciding_changes_no_state(chosen: list[Step], policies: Policies, actor: Actor) -> None:
    events, states = history(chosen, policies)
    for kind in KINDS:
        try:
            decide(states[-1], _command((kind, actor, 0, True), states[-1], policies, 99))
        except RefusedError:
            continue
    assert states[-1] == _states(events)[-1]
