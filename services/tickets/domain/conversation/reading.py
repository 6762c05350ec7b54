"""An agent has read a conversation up to a message (domain.md 2.3, MarkRead)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.conversation.events import MessagesRead
from services.tickets.domain.conversation.facts import about
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.state import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRead:
    """Everything up to this message was read."""

    actor: Actor
    up_to: UUID
    at: datetime
    policies: Policies


def decide(ticket: Ticket, conversation: Conversation, command: MarkRead) -> list[MessagesRead]:
    """The mark, with a receipt to Meta by policy; nothing where it stands. Raises RefusedError."""
    guards.owner_or_member(ticket, command.actor)
    if conversation.find(command.up_to) is None:
        raise refusals.UnknownMessageError
    if conversation.has_read(command.up_to):
        return []
    newest = conversation.newest_inbound(command.up_to)
    wamid = None if newest is None else newest.wamid
    mark = MessagesRead(
        **about(ticket, command.at),
        up_to=command.up_to,
        by=command.actor.author,
        receipt=command.policies.read_receipts and wamid is not None,
        wamid=wamid,
    )
    return [mark]
