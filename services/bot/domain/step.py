"""What does a session do by what comes to it? Pure: state and input in, events and effects out.

One step at a time: while commands of a step are not all answered, what the customer says waits in
the session's queue (bots.md, session rules 3 and 4).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from services.bot.domain.events import (
    CancelAsked,
    CommandAnswered,
    Event,
    InputArrived,
    LeavingRefused,
    MessageSettled,
    SessionBegun,
    SessionStarted,
    TimerFired,
)
from services.bot.domain.flow import DONE, ELAPSED, TIMEOUT, Flow, Listening, Wait
from services.bot.domain.hearing import take_queue
from services.bot.domain.inputs import (
    Begun,
    Ended,
    Input,
    Replied,
    Said,
    Settled,
    Started,
    Stopped,
    TimerDue,
)
from services.bot.domain.reading import Reading
from services.bot.domain.session import Session, Timer, evolve
from services.bot.domain.turn import Turn
from services.bot.domain.walking import go_to, stop_loop, walk, walk_refused
from shared.contracts.ticket_commands import TicketCommand

_OURS = frozenset({"handoff", "closed"})


@dataclass(frozen=True, slots=True)
class Stepped:
    """The session after a step, what happened, what is asked of the ticket, the timer it has."""

    session: Session
    events: tuple[Event, ...]
    effects: tuple[TicketCommand, ...]

    @property
    def timer(self) -> Timer | None:
        """The timer that must be armed; None: none may be."""
        return self.session.timer


def start(flow: Flow | None, given: Started, at: datetime) -> Stepped:
    """A session on this version; it acts when it is `Begun`."""
    expires = None if flow is None else at + timedelta(seconds=flow.limits.session_seconds)
    event = SessionStarted(
        at=at,
        session_id=given.session_id,
        account_id=given.account_id,
        contact_id=given.contact_id,
        ticket_id=given.ticket_id,
        flow_id=given.flow_id,
        version=given.version,
        opened_by=given.opened_by,
        facts=given.facts,
        expires_at=expires,
    )
    return Stepped(evolve(None, event), (event,), ())


def step(  # noqa: C901  one case per input
    flow: Flow | None, session: Session, given: Input, at: datetime, reading: Reading
) -> Stepped:
    """What the session does; nothing, for what is stale or comes after its end."""
    turn = Turn(flow, session, at, reading)
    match given:
        case Started():
            pass  # again: it is there
        case Begun():
            _begin(turn)
        case Said():
            _say(turn, given)
        case Replied():
            _reply(turn, given)
        case TimerDue():
            _due(turn, given)
        case Settled(message_id):
            if message_id in session.unsent:
                turn.tell(MessageSettled(at=at, message_id=message_id))
        case Ended(reason):
            _end(turn, reason)
        case Stopped():
            if session.free:
                turn.hand_off("stopped")
        case _:
            assert_never(given)
    _rest(turn)
    return Stepped(turn.session, tuple(turn.events), tuple(turn.effects))


def _rest(turn: Turn) -> None:
    if turn.flow is None and turn.session.free:  # its version can't be read any more
        turn.hand_off("error", resort="last")
    if turn.events:
        turn.rest()


def _begin(turn: Turn) -> None:
    if turn.session.begun or not turn.session.running:
        return
    turn.tell(SessionBegun(at=turn.at))
    if turn.flow is None:
        turn.hand_off("error", resort="last")
    else:
        go_to(turn, turn.flow.entry, None)
    take_queue(turn)


def _say(turn: Turn, said: Said) -> None:
    session = turn.session
    if not session.running or said.message_id == session.opened_by:
        return
    turn.heard = True
    turn.tell(InputArrived(at=turn.at, said=said))
    take_queue(turn)


def _reply(turn: Turn, given: Replied) -> None:
    if given.command_id not in turn.session.pending:
        return
    turn.tell(
        CommandAnswered(
            at=turn.at,
            command_id=given.command_id,
            refused=given.refused,
            code=given.code,
            message_id=given.message_id,
        )
    )
    if turn.session.finished is not None:
        _take_back(turn)
    elif turn.session.running:
        _answered(turn)
        take_queue(turn)


def _answered(turn: Turn) -> None:
    """The command of the step has its answer: a step waits for one at most."""
    session, refusal = turn.session, turn.session.refusal
    if session.leaving is not None:
        _left(turn, session.leaving, refusal)
    elif refusal is not None:
        walk_refused(turn, refusal)
    elif not isinstance(turn.node, Listening):
        walk(turn, DONE)


def _left(turn: Turn, reason: str, refusal: str | None) -> None:
    if refusal is None:
        turn.finish(reason, cut=False)
    elif turn.session.resort == "last":
        turn.finish("error", cut=False)  # people get it from tickets' own timer (protocols.md 8)
    else:
        turn.tell(LeavingRefused(at=turn.at))
        if turn.session.resort == "flow":
            walk_refused(turn, refusal)
        else:
            turn.hand_off("error", resort="last")


def _due(turn: Turn, given: TimerDue) -> None:
    session, node = turn.session, turn.node
    if session.timer is None or session.timer.id != given.timer_id or turn.flow is None:
        return
    turn.tell(TimerFired(at=turn.at, node=session.node or "", timer_id=given.timer_id))
    if session.expires_at is not None and turn.at >= session.expires_at:
        turn.hand_off("timeout")
    elif turn.session.silent > turn.flow.limits.silent_timeouts:
        stop_loop(turn, "silent_timeouts", session.node or "")
    else:
        walk(turn, ELAPSED if isinstance(node, Wait) else TIMEOUT)
    take_queue(turn)


def _end(turn: Turn, reason: str) -> None:
    """From outside, unless it is what the session has asked for itself."""
    session = turn.session
    if session.finished is not None:
        return
    asked = session.leaving is not None and reason in _OURS
    turn.finish(reason if not asked else session.leaving or reason, cut=not asked)
    _take_back(turn)


def _take_back(turn: Turn) -> None:
    """What was not sent before a person took over is not sent any more (session rule 5)."""
    if not turn.session.cut:
        return
    for message_id in turn.session.unsent:
        turn.tell(CancelAsked(at=turn.at, message_id=message_id))
        turn.cancel(message_id)
