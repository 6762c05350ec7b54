"""We say something: an agent, or the flow of the running session (domain.md 2.3)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import FLOW, MessageQueued
from services.tickets.domain.conversation.facts import about
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import BOT, Actor, Recipient
from services.tickets.domain.ticket import guards, sessions
from services.tickets.domain.ticket.state import Lifecycle, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """An agent says something; `reply_to_wamid` is Meta's name of `reply_to`, where known."""

    actor: Actor
    message_id: UUID
    content: Content
    recipient: Recipient
    reply_to: UUID | None = None
    reply_to_wamid: str | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SayByFlow:
    """The running session says something, after everything that was queued before."""

    session_id: UUID
    command_id: UUID
    heard: UUID | None = None
    message_id: UUID
    content: Content
    recipient: Recipient
    at: datetime


def send(ticket: Ticket, conversation: Conversation, command: SendMessage) -> MessageQueued:
    """The queued message. Raises RefusedError."""
    _may_speak(ticket, command.actor)
    _in_window(conversation, command)
    return MessageQueued(
        **about(ticket, command.at),
        message_id=command.message_id,
        author=command.actor.author,
        reply_to=command.reply_to,
        reply_to_wamid=command.reply_to_wamid,
        window_closes_at=conversation.window_closes_at,
        content=command.content,
        recipient=command.recipient,
    )


def say_by_flow(ticket: Ticket, conversation: Conversation, command: SayByFlow) -> MessageQueued:
    """The queued message. Raises SessionEndedError, WindowClosedError."""
    sessions.running(ticket, command.session_id)
    _in_window(conversation, command)
    return MessageQueued(
        **about(ticket, command.at),
        message_id=command.message_id,
        author=BOT,
        automatic=FLOW,
        cause=command.command_id,
        session_id=command.session_id,
        heard=command.heard,
        window_closes_at=conversation.window_closes_at,
        after=conversation.last_queued_id,
        content=command.content,
        recipient=command.recipient,
    )


def _in_window(conversation: Conversation, command: SendMessage | SayByFlow) -> None:
    if command.content.is_free_form:
        guards.window(conversation.window_closes_at, command.at)


def _may_speak(ticket: Ticket, actor: Actor) -> None:
    guards.is_open(ticket)
    match ticket.lifecycle:
        case Lifecycle.PAUSED:
            raise refusals.TicketPausedError
        case Lifecycle.BOT:
            raise refusals.TicketInBotError
        case Lifecycle.WAITING if not actor.supervises:
            raise refusals.TicketWaitingError
        case Lifecycle.ATTENDING:
            guards.owner(ticket, actor)
        case _:
            return
