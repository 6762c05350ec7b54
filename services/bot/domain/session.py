"""The state of a session, rebuilt from its events and from nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from services.bot.domain.events import (
    CancelAsked,
    CommandAnswered,
    CommandIssued,
    Event,
    InputAccepted,
    InputArrived,
    InputRejected,
    LeavingBegun,
    LeavingRefused,
    LoopStopped,
    MessageSettled,
    NodeEntered,
    Resort,
    SessionBegun,
    SessionFinished,
    SessionMigrated,
    SessionStarted,
    TimerArmed,
    TimerFired,
)
from services.bot.domain.inputs import Said

SESSION_ENDED = "session_ended"
"""The code of each refusal after the end; the event that says why follows."""


@dataclass(frozen=True, slots=True)
class Timer:
    """The one timer of a session."""

    id: UUID
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The state of one session; one node is active, or none."""

    id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    flow_id: UUID
    version: int
    opened_by: UUID | None
    started_at: datetime
    expires_at: datetime | None
    variables: Mapping[str, str]
    begun: bool = False
    node: str | None = None
    step: int = 0
    issued: int = 0  # commands of this step
    attempt: int = 0  # answers to this node that were none
    path: tuple[str, ...] = ()
    menus: Mapping[int, str] | None = None  # step to node, of every node entered
    visits: Mapping[str, int] | None = None
    walked: int = 0  # nodes since the customer or the clock moved the session
    outbound: int = 0  # messages since the customer wrote
    silent: int = 0  # time-outs since the customer wrote
    timers: int = 0
    pending: tuple[UUID, ...] = ()  # commands of the step under way without an answer
    refusal: str | None = None  # the first of the step under way
    queue: tuple[Said, ...] = ()
    heard: UUID | None = None  # the customer's newest message
    confirmed: UUID | None = None  # what was heard when the last command was issued
    unsent: tuple[UUID, ...] = ()  # messages of ours not known to have left
    timer: Timer | None = None
    deadline: datetime | None = None  # of the timer that the active node armed first
    leaving: str | None = None
    resort: Resort = "flow"
    over: bool = False  # a command was refused because the session has ended
    finished: str | None = None
    cut: bool = False

    @property
    def running(self) -> bool:
        """Whether it may still act."""
        return self.finished is None and not self.over

    @property
    def free(self) -> bool:
        """Whether no step is under way, and it hears."""
        return self.begun and self.running and not self.pending and self.leaving is None


def evolve(session: Session | None, event: Event) -> Session:  # noqa: C901, PLR0911, PLR0912  one case per event
    """The state after the event."""
    if isinstance(event, SessionStarted):
        return _started(event)
    if session is None:
        raise ValueError(type(event).__name__)
    match event:
        case SessionBegun():
            return replace(session, begun=True)
        case SessionMigrated():
            return _migrated(session, event)
        case NodeEntered():
            return _entered(session, event)
        case InputArrived(said=said):
            queue = (*session.queue, said)
            return replace(session, queue=queue, heard=said.message_id, outbound=0, silent=0)
        case InputAccepted():
            return _accepted(session, event)
        case InputRejected(message_id=message_id, attempt=attempt):
            return replace(_taken(session, message_id), attempt=attempt)
        case CommandIssued():
            return _issued(session, event)
        case CommandAnswered():
            return _answered(session, event)
        case MessageSettled(message_id=message_id) | CancelAsked(message_id=message_id):
            return replace(session, unsent=_without(session.unsent, message_id))
        case TimerArmed(timer_id=timer_id, due=due):
            deadline = session.deadline or due
            timer = Timer(timer_id, due)
            return replace(session, timer=timer, timers=session.timers + 1, deadline=deadline)
        case TimerFired():
            return replace(session, timer=None, silent=session.silent + 1, walked=0)
        case LoopStopped():
            return session
        case LeavingBegun(reason=reason, resort=resort):
            return replace(session, leaving=reason, resort=resort, timer=None)
        case LeavingRefused():
            return replace(session, leaving=None)
        case SessionFinished(reason=reason, cut=cut):
            return replace(session, finished=reason, cut=cut, timer=None, queue=())
        case _:
            assert_never(event)


def rebuilt(events: Iterable[Event]) -> Session | None:
    """The state after all of them."""
    session: Session | None = None
    for event in events:
        session = evolve(session, event)
    return session


def _started(event: SessionStarted) -> Session:
    return Session(
        id=event.session_id,
        account_id=event.account_id,
        contact_id=event.contact_id,
        ticket_id=event.ticket_id,
        flow_id=event.flow_id,
        version=event.version,
        opened_by=event.opened_by,
        heard=event.opened_by,
        started_at=event.at,
        expires_at=event.expires_at,
        variables=event.facts,
    )


def _migrated(session: Session, event: SessionMigrated) -> Session:
    """The same place under its new name, also in what is remembered."""

    def called(node: str) -> str:
        return event.nodes.get(node, node)

    return replace(
        session,
        version=event.version,
        node=None if session.node is None else called(session.node),
        path=tuple(called(node) for node in session.path),
        menus={step: called(node) for step, node in (session.menus or {}).items()},
        visits=_sums((called(node), times) for node, times in (session.visits or {}).items()),
        timer=None if event.rearm else session.timer,
        deadline=None if event.rearm else session.deadline,
    )


def _sums(visits: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for node, times in visits:
        found[node] = found.get(node, 0) + times
    return found


def _entered(session: Session, event: NodeEntered) -> Session:
    step = session.step + 1
    visits = session.visits or {}
    return replace(
        session,
        node=event.node,
        step=step,
        issued=0,
        attempt=0,
        path=(*session.path, event.node),
        menus={**(session.menus or {}), step: event.node},
        visits={**visits, event.node: visits.get(event.node, 0) + 1},
        walked=session.walked + 1,
        refusal=None,
        timer=None,
        deadline=None,
    )


def _taken(session: Session, message_id: UUID) -> Session:
    queue = tuple(said for said in session.queue if said.message_id != message_id)
    return replace(session, queue=queue, walked=0)


def _accepted(session: Session, event: InputAccepted) -> Session:
    variables = session.variables
    if event.variable is not None:
        variables = {**variables, event.variable: event.value or ""}
    return replace(
        _taken(session, event.message_id), node=event.node, variables=variables, timer=None
    )


def _issued(session: Session, event: CommandIssued) -> Session:
    issued = replace(
        session,
        issued=event.number + 1,
        outbound=session.outbound + event.says,
        confirmed=session.heard,
    )
    if not event.awaited:
        return issued
    return replace(issued, pending=(*session.pending, event.command_id), refusal=None, timer=None)


def _answered(session: Session, event: CommandAnswered) -> Session:
    unsent = session.unsent
    if event.message_id is not None and not event.refused:
        unsent = (*unsent, event.message_id)
    refusal = session.refusal
    if event.refused and refusal is None:
        refusal = event.code or "refused"
    return replace(
        session,
        pending=tuple(each for each in session.pending if each != event.command_id),
        refusal=refusal,
        unsent=unsent,
        over=session.over or (event.refused and event.code == SESSION_ENDED),
    )


def _without(ids: tuple[UUID, ...], gone: UUID) -> tuple[UUID, ...]:
    return tuple(each for each in ids if each != gone)
