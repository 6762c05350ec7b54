"""What a session does with an input. Pure: state and input in, events and commands out.

One step at a time: while commands of a step are not all answered, what the customer says waits in
the session's queue (bots.md, session rules 3 and 4).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from services.bot.domain.evaluators import Evaluators
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
from services.bot.domain.flow import Flow
from services.bot.domain.input import take_queue
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
from services.bot.domain.nodes.base import DONE
from services.bot.domain.session import Session, Timer, evolve
from services.bot.domain.step_context import StepContext
from services.bot.domain.traversal import enter, leave, leave_refused, rest
from shared.contracts.ticket_commands import TicketCommand


@dataclass(frozen=True, slots=True)
class Stepped:
    """The session after a step, what happened, and the commands for its ticket."""

    session: Session
    events: tuple[Event, ...]
    commands: tuple[TicketCommand, ...]

    @property
    def timer(self) -> Timer | None:
        """The timer that must be armed; None: none may be."""
        return self.session.timer


def start(flow: Flow | None, given: Started, at: datetime) -> Stepped:
    """A session on this version; it acts when it is `Begun`."""
    expires = None if flow is None else at + timedelta(seconds=flow.limits.session)
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
    flow: Flow | None, session: Session, given: Input, at: datetime, evaluators: Evaluators
) -> Stepped:
    """What the session does; nothing for an input that is stale or comes after its end.

    Without a flow, because its version is unknown or cannot be read any more, people go on.
    """
    context = StepContext(flow, session, at, evaluators)
    match given:
        case Started():
            pass  # a second time
        case Begun():
            _begin(flow, context)
        case Said():
            _say(context, given)
        case Replied():
            _reply(flow, context, given)
        case TimerDue():
            if flow is not None:
                _timer_due(flow, context, given)
        case Settled(message_id):
            if message_id in session.unsent:
                context.record(MessageSettled(at=at, message_id=message_id))
        case Ended():
            _end(context, given)
        case Stopped():
            if session.free:
                context.hand_off("stopped")
        case _:
            assert_never(given)
    _rest(flow, context)
    return stepped(context)


def stepped(context: StepContext) -> Stepped:
    """The step that the context has gathered."""
    return Stepped(context.session, tuple(context.events), tuple(context.commands))


def _rest(flow: Flow | None, context: StepContext) -> None:
    if flow is None:
        if context.session.free:
            context.hand_off("error", resort="last")
    elif context.events:
        take_queue(flow, context)
        rest(flow, context)


def _begin(flow: Flow | None, context: StepContext) -> None:
    if context.session.begun or not context.session.running:
        return
    context.record(SessionBegun(at=context.at))
    if flow is not None:
        enter(flow, context, flow.entry, None)


def _say(context: StepContext, said: Said) -> None:
    session = context.session
    if session.running and said.message_id != session.opened_by:
        context.record(InputArrived(at=context.at, said=said))


def _reply(flow: Flow | None, context: StepContext, given: Replied) -> None:
    if given.command_id not in context.session.pending:
        return
    context.record(
        CommandAnswered(
            at=context.at,
            command_id=given.command_id,
            refused=given.refused,
            code=given.code,
            message_id=given.message_id,
        )
    )
    if context.session.finished is not None:
        _take_back(context)
    elif context.session.running:
        _go_on(flow, context)


def _go_on(flow: Flow | None, context: StepContext) -> None:
    """The command of the step has its answer: a step waits for one at most."""
    session, refusal = context.session, context.session.refusal
    node = None if flow is None else flow.node(session.node)
    if session.leaving is not None:
        _left(flow, context, session.leaving, refusal)
    elif flow is None or node is None:
        return
    elif refusal is not None and node.COMMANDS:
        leave_refused(flow, context, refusal)
    elif not node.WAITS:
        leave(flow, context, DONE)


def _left(flow: Flow | None, context: StepContext, reason: str, refusal: str | None) -> None:
    if refusal is None:
        context.finish(reason, cut=False)
    elif context.session.resort == "last":
        context.finish("error", cut=False)  # people get it by tickets' own timer (protocols.md 8)
    else:
        from_flow = context.session.resort == "flow"
        context.record(LeavingRefused(at=context.at))
        if from_flow and flow is not None:
            leave_refused(flow, context, refusal)
        else:
            context.hand_off("error", resort="last")


def _timer_due(flow: Flow, context: StepContext, given: TimerDue) -> None:
    session, node = context.session, flow.node(context.session.node)
    if session.timer is None or session.timer.id != given.timer_id or node is None:
        return
    context.record(TimerFired(at=context.at, node=session.node or "", timer_id=given.timer_id))
    if session.expires_at is not None and context.at >= session.expires_at:
        context.hand_off("timeout")
    elif context.session.silent > flow.limits.silent_timeouts:
        context.stop_loop("silent_timeouts")
    else:
        leave(flow, context, node.TIMER_OUTPUT)


def _end(context: StepContext, given: Ended) -> None:
    """By the command with which the session leaves, or from outside, perhaps just before it."""
    session = context.session
    if session.finished is not None:
        return
    asked = given.by_flow and session.leaving is not None
    context.finish(session.leaving or given.reason if asked else given.reason, cut=not asked)
    _take_back(context)


def _take_back(context: StepContext) -> None:
    """What was not sent before a person took over is not sent any more (session rule 5)."""
    if not context.session.cut:
        return
    for message_id in context.session.unsent:
        context.record(CancelAsked(at=context.at, message_id=message_id))
        context.cancel(message_id)
