"""One step as it is taken: what it tells, what it asks of the ticket, where the session stands."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypedDict
from uuid import UUID, uuid5

from services.bot.domain import flow as made
from services.bot.domain.events import (
    CommandIssued,
    Event,
    LeavingBegun,
    NodeEntered,
    Resort,
    SessionFinished,
    TimerArmed,
)
from services.bot.domain.flow import AnyNode, Flow, Listening, Wait
from services.bot.domain.reading import Reading, Types, VariableType
from services.bot.domain.rendering import render
from services.bot.domain.session import Session, evolve
from services.bot.domain.summary import summary
from services.bot.texts import pt_br
from shared.contracts.ticket_commands import (
    CancelMessage,
    CloseTicket,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
    SayContent,
    TicketCommand,
    Unclaimed,
)

_FINISHES: Final = {"loop": "loop", "error": "error"}  # else "handoff"


class Fields(TypedDict):
    """What every command of a session has."""

    command_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    session_id: UUID
    at: datetime


Command = Callable[[Fields], TicketCommand]


class Turn:
    """Gathers one step; nothing outside sees it before it is whole."""

    def __init__(self, flow: Flow | None, session: Session, at: datetime, reading: Reading) -> None:
        self.flow = flow
        self.session = session
        self.at = at
        self.reading = reading
        self.events: list[Event] = []
        self.effects: list[TicketCommand] = []
        self.judged = 0  # characters of conditions that were looked at
        self.heard = False  # whether the customer said something in this step

    @property
    def node(self) -> AnyNode | None:
        """The active node."""
        if self.flow is None or self.session.node is None:
            return None
        return self.flow.nodes[self.session.node]

    def tell(self, event: Event) -> None:
        """It happened."""
        self.events.append(event)
        self.session = evolve(self.session, event)

    def text(self, template: str) -> str:
        """The template with this session's values."""
        return render(template, self.session.variables, longest(self.flow))

    def say(self, content: SayContent) -> None:
        """Say this to the customer."""
        self.ask(lambda fields: QueueAutomaticMessage(**fields, content=content), says=True)

    def ask(self, command: Command, *, says: bool = False, awaited: bool = True) -> None:
        """Ask this of the ticket; awaited, the step is under way until it is answered."""
        session, number = self.session, self.session.issued
        id_ = uuid5(session.id, f"{session.step}:{number}")
        self.effects.append(
            command(
                Fields(
                    command_id=id_,
                    account_id=session.account_id,
                    contact_id=session.contact_id,
                    ticket_id=session.ticket_id,
                    session_id=session.id,
                    at=self.at,
                )
            )
        )
        self.tell(
            CommandIssued(at=self.at, command_id=id_, number=number, says=says, awaited=awaited)
        )

    def hand_off(
        self,
        reason: str,
        *,
        sector_id: UUID | None = None,
        with_summary: bool = True,
        unclaimed: made.Unclaimed | None = None,
        resort: Resort = "guard",
    ) -> None:
        """Give the ticket to people; what a refusal does then depends on `resort`."""
        text = summary(self.flow, self.session) if with_summary else None
        waits = None if unclaimed is None else self._unclaimed(unclaimed)
        finishes = _FINISHES.get(reason, "handoff")
        self.tell(LeavingBegun(at=self.at, reason=finishes, resort=resort))
        self.ask(
            lambda fields: HandOff(
                **fields, sector_id=sector_id, reason=reason, summary=text, unclaimed=waits
            )
        )

    def _unclaimed(self, waits: made.Unclaimed) -> Unclaimed:
        """With the text as it would be said now: this session will be over."""
        return Unclaimed(
            after_seconds=waits.after_seconds,
            then=waits.then,
            text=None if waits.text is None else self.text(waits.text),
            reason_id=waits.reason_id,
        )

    def close(self, *, farewell: bool) -> None:
        """Close the ticket."""
        self.tell(LeavingBegun(at=self.at, reason="closed", resort="flow"))
        self.ask(lambda fields: CloseTicket(**fields, farewell=farewell))

    def cancel(self, message_id: UUID) -> None:
        """Take a message back."""
        self.ask(lambda fields: CancelMessage(**fields, message_id=message_id), awaited=False)

    def finish(self, reason: str, *, cut: bool) -> None:
        """The session is over."""
        self.tell(SessionFinished(at=self.at, reason=reason, cut=cut))

    def rest(self) -> None:
        """Nothing more is done now: say that we have heard, set the clock for what is awaited."""
        session = self.session
        moved = any(isinstance(event, NodeEntered) for event in self.events)
        owed = self.heard or (moved and session.queue)  # what waits on gets no other command
        if owed and not self.effects and session.free:
            self.ask(lambda fields: KeepSession(**fields), awaited=False)
        if session.free and session.timer is None and (due := self._due()) is not None:
            timer_id = uuid5(session.id, f"timer:{session.timers}")
            node = session.node or ""
            self.tell(TimerArmed(at=self.at, node=node, timer_id=timer_id, due=due))

    def _due(self) -> datetime | None:
        """When the node's time, or the session's, is over."""
        ends = self.session.expires_at
        seconds = None if self.node is None else patience(self.node)
        if seconds is None:
            return ends
        due = self.at + timedelta(seconds=seconds)
        return due if ends is None else min(due, ends)


def patience(node: AnyNode) -> float | None:
    """For how many seconds a node waits; None: for as long as the session lives."""
    if isinstance(node, Wait):
        return node.seconds
    return node.timeout_seconds if isinstance(node, Listening) else None


def types(flow: Flow | None) -> Types:
    """What each variable is; those that every session has are texts."""
    known: dict[str, VariableType] = dict.fromkeys(pt_br.BUILT_IN, "text")
    if flow is not None:
        known |= {each.name: each.type for each in flow.variables.values()}
    return tuple(known.items())


def longest(flow: Flow | None) -> dict[str, int]:
    """The longest value of each variable."""
    own = {} if flow is None else {each.name: each.max_length for each in flow.variables.values()}
    return {**pt_br.BUILT_IN, **own}
