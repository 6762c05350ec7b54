"""What a node may read and do in a step, and everything that the step has done so far."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict
from uuid import UUID, uuid5

from services.bot.domain.evaluators import Evaluators
from services.bot.domain.events import (
    CommandIssued,
    Event,
    InputAccepted,
    InputRejected,
    LeavingBegun,
    LoopStopped,
    NodeEntered,
    Resort,
    SessionFinished,
    TimerArmed,
)
from services.bot.domain.flow_settings import FlowSettings
from services.bot.domain.inputs import Said
from services.bot.domain.rendering import cut, render
from services.bot.domain.session import Session, evolve
from services.bot.domain.summary import summary
from shared.contracts.content import SendableContent
from shared.contracts.ticket_commands import (
    CancelMessage,
    CloseTicket,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
    TicketCommand,
    Unclaimed,
)

CONDITIONS_PER_STEP: Final = 20_000
"""In characters. The dearest condition of 1,000 takes 10 ms, in which no other session goes on."""
_FINISHES: Final = {"loop": "loop", "error": "error", "ended": "end"}  # else "handoff"


class CommandFields(TypedDict):
    """What every command of a session has."""

    command_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    session_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """What the customer said to `node`; `option`: the id of its option that was tapped."""

    said: Said
    node: str
    option: str | None = None

    @property
    def text(self) -> str:
        """What was written, or the title of what was tapped; empty for anything else."""
        return self.said.text or ""


class StepContext:
    """Gathers one step; nothing leaves before it is whole."""

    def __init__(
        self, flow: FlowSettings | None, session: Session, at: datetime, evaluators: Evaluators
    ) -> None:
        self.flow = flow
        self.session = session
        self.at = at
        self.evaluators = evaluators
        self.events: list[Event] = []
        self.commands: list[TicketCommand] = []
        self.by_output: str | None = None  # that led to the active node
        self.heard_customer = False
        self._evaluated = 0  # characters of conditions

    def record(self, event: Event) -> None:
        """Add an event to the step and apply it to the session."""
        self.events.append(event)
        self.session = evolve(self.session, event)

    def enter(self, node: str, by_output: str | None) -> None:
        """Make a node the active one."""
        self.by_output = by_output
        self.record(NodeEntered(at=self.at, node=node, by_output=by_output))

    def text(self, template: str) -> str:
        """The template with the values of the session."""
        lengths = {} if self.flow is None else self.flow.max_lengths()
        return render(template, self.session.variables, lengths)

    def sector_id(self, name: str | None) -> UUID | None:
        """The account's sector of this name; None where it has none."""
        return None if self.flow is None or name is None else self.flow.sectors.get(name)

    def holds(self, condition: str) -> bool | None:
        """Whether a condition holds now; None: it cannot be evaluated."""
        types = () if self.flow is None else self.flow.types()
        return self.evaluators.condition_holds(condition, types, self.session.variables)

    def may_evaluate(self, condition: str) -> bool:
        """Count the condition against the budget of the step; over it, the session stops."""
        self._evaluated += len(condition)
        over = self._evaluated > CONDITIONS_PER_STEP
        if over:
            self.stop_loop("conditions")
        return not over

    def issue(
        self,
        command: Callable[[CommandFields], TicketCommand],
        *,
        says: bool = False,
        awaited: bool = True,
    ) -> None:
        """Send a command to the ticket; awaited, the step is under way until it is answered."""
        session, number = self.session, self.session.issued
        fields = CommandFields(
            command_id=uuid5(session.id, f"{session.step}:{number}"),
            account_id=session.account_id,
            contact_id=session.contact_id,
            ticket_id=session.ticket_id,
            session_id=session.id,
            at=self.at,
        )
        self.commands.append(command(fields))
        id_ = fields["command_id"]
        self.record(
            CommandIssued(at=self.at, command_id=id_, number=number, says=says, awaited=awaited)
        )

    def say(self, content: SendableContent) -> None:
        """Queue a message for the customer, unless too many went unanswered: then stop."""
        if self.flow and self.session.outbound >= self.flow.limits.outbound_without_inbound:
            self.stop_loop("outbound")
        else:
            self.issue(lambda fields: QueueAutomaticMessage(**fields, content=content), says=True)

    def accept(
        self, heard: Heard, output: str, *, save_as: str | None = None, value: str | None = None
    ) -> str:
        """The node understood it and is left by `output`, which is returned."""
        if save_as is not None and value is not None and self.flow is not None:
            value = cut(value, self.flow.max_lengths().get(save_as, len(value)))
        self.record(
            InputAccepted(
                at=self.at,
                node=heard.node,
                message_id=heard.said.message_id,
                output=output,
                variable=None if value is None else save_as,
                value=None if save_as is None else value,
            )
        )
        return output

    def reject(self, said: Said, reason: str, attempt: int) -> None:
        """The active node did not understand it."""
        self.record(
            InputRejected(
                at=self.at,
                node=self.session.node or "",
                message_id=said.message_id,
                reason=reason,
                attempt=attempt,
            )
        )

    def hand_off(
        self,
        reason: str,
        *,
        sector_id: UUID | None = None,
        with_summary: bool = True,
        unclaimed: Unclaimed | None = None,
        resort: Resort = "guard",
    ) -> None:
        """Give the ticket to people; `resort` says what happens when tickets refuses it."""
        note = None
        if with_summary and self.flow is not None:
            note = summary(self.flow, self.session)
        self.record(
            LeavingBegun(at=self.at, reason=_FINISHES.get(reason, "handoff"), resort=resort)
        )
        self.issue(
            lambda fields: HandOff(
                **fields, sector_id=sector_id, reason=reason, summary=note, unclaimed=unclaimed
            )
        )

    def close(self, *, farewell: bool) -> None:
        """Close the ticket."""
        self.record(LeavingBegun(at=self.at, reason="closed", resort="flow"))
        self.issue(lambda fields: CloseTicket(**fields, farewell=farewell))

    def stop_loop(self, guard: str, node: str | None = None) -> None:
        """A guard has tripped at `node`, or at the active one: people go on."""
        where = node or self.session.node or ""
        self.record(LoopStopped(at=self.at, node=where, guard=guard))
        self.hand_off("loop")

    def cancel(self, message_id: UUID) -> None:
        """Take a message back."""
        self.issue(lambda fields: CancelMessage(**fields, message_id=message_id), awaited=False)

    def keep_session(self) -> None:
        """Tell tickets that the flow has heard the customer, where no other command does."""
        moved = any(isinstance(event, NodeEntered) for event in self.events)
        owed = self.heard_customer or (moved and self.session.queue)
        if owed and not self.commands and self.session.free:
            self.issue(lambda fields: KeepSession(**fields), awaited=False)

    def arm_timer(self, due: datetime) -> None:
        """Wait at the active node until then at most."""
        timer_id = uuid5(self.session.id, f"timer:{self.session.timers}")
        node = self.session.node or ""
        self.record(TimerArmed(at=self.at, node=node, timer_id=timer_id, due=due))

    def finish(self, reason: str, *, cut: bool) -> None:
        """End the session; `cut`: something outside ended it."""
        self.record(SessionFinished(at=self.at, reason=reason, cut=cut))
