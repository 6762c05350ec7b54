"""What leaves with a step: commands for tickets, and the way that it took for bot.events."""

from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID, uuid5

from services.bot.domain import events as ours
from services.bot.domain.session import Session, evolve
from services.bot.domain.step import Stepped
from shared.contracts import bot as published
from shared.contracts.envelope import Envelope, Message
from shared.contracts.ticket_commands import TicketCommand
from shared.contracts.topics import BOT_EVENTS, TICKETS_COMMANDS
from shared.plumbing.kafka import Outgoing

SOURCE = "bot"


class _Fields(TypedDict):
    session_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    flow_id: UUID
    version: int
    step: int


def messages_of(before: Session | None, first_number: int, stepped: Stepped) -> list[Outgoing]:
    """Commands first, then the facts; ids of facts come from their number in the session."""
    commands = [_command(stepped.session, command) for command in stepped.commands]
    return [*commands, *_facts(before, first_number, stepped.events)]


def to_message(session: Session, event: ours.Event) -> published.SessionFact | None:  # noqa: PLR0911  one case per kind
    """The fact that is published of an event, with the session as it left it; None: private."""
    fields = _Fields(
        session_id=session.id,
        account_id=session.account_id,
        contact_id=session.contact_id,
        ticket_id=session.ticket_id,
        flow_id=session.flow_id,
        version=session.version,
        step=session.step,
    )
    at = event.at
    match event:
        case ours.SessionMigrated():
            return published.FlowSessionMigrated(**fields, occurred_at=at, node=session.node)
        case ours.NodeEntered(node=node, by_output=output):
            return published.FlowNodeEntered(**fields, occurred_at=at, node=node, by_output=output)
        case ours.InputAccepted(node=node, message_id=id_, output=output):
            return published.FlowInputAccepted(
                **fields, occurred_at=at, node=node, message_id=id_, output=output
            )
        case ours.InputRejected(node=node, message_id=id_, reason=reason, attempt=attempt):
            return published.FlowInputRejected(
                **fields, occurred_at=at, node=node, message_id=id_, reason=reason, attempt=attempt
            )
        case ours.TimerArmed(node=node, timer_id=id_, due=due):
            return published.FlowTimerArmed(
                **fields, occurred_at=at, node=node, timer_id=id_, due=due
            )
        case ours.TimerFired(node=node, timer_id=id_):
            return published.FlowTimerFired(**fields, occurred_at=at, node=node, timer_id=id_)
        case ours.LoopStopped(node=node, guard=guard):
            return published.FlowLoopStopped(**fields, occurred_at=at, node=node, guard=guard)
        case ours.SessionFinished(reason=reason):
            return published.FlowSessionFinished(**fields, occurred_at=at, reason=reason)
        case _:
            return None


def _facts(
    before: Session | None, first_number: int, events: Sequence[ours.Event]
) -> list[Outgoing]:
    session, told = before, list[Outgoing]()
    for number, event in enumerate(events, start=first_number):
        session = evolve(session, event)
        message = to_message(session, event)
        if message is not None:
            id_ = str(uuid5(session.id, f"event:{number}"))
            told.append(_outgoing(BOT_EVENTS.name, session, message, id_))
    return told


def _command(session: Session, command: TicketCommand) -> Outgoing:
    return _outgoing(TICKETS_COMMANDS.name, session, command, str(command.command_id))


def _outgoing(
    topic: str, session: Session, message: TicketCommand | published.SessionFact, id_: str
) -> Outgoing:
    at = message.at if isinstance(message, TicketCommand) else message.occurred_at
    envelope = Envelope(
        id=id_,
        type=message.TYPE,
        source=SOURCE,
        time=at,
        subject=str(session.ticket_id),
        account=session.account_id,
        correlation=str(session.id),
        actor=SOURCE,
    )
    body: Message = message
    return Outgoing(topic, str(session.contact_id).encode(), envelope, body.body())
