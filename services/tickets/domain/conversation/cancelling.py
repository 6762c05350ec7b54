"""A message that may not be sent yet is wanted back; its fate answers (domain.md 2.3)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.conversation.events import MessageCancelRequested
from services.tickets.domain.conversation.facts import about
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import BOT, Author
from services.tickets.domain.ticket.state import Ticket

SESSION_ENDED: Final = "session_ended"
"""Reason of what a flow left behind."""


def by_flow(
    ticket: Ticket, conversation: Conversation, message_id: UUID, at: datetime
) -> list[MessageCancelRequested]:
    """The request for a message of the flow, once. Raises UnknownMessageError."""
    message = conversation.find(message_id)
    if message is None or not message.by_flow:
        raise refusals.UnknownMessageError
    return [] if message.cancelled else requests(ticket, [message_id], BOT, at)


def requests(
    ticket: Ticket, message_ids: Iterable[UUID], by: Author, at: datetime
) -> list[MessageCancelRequested]:
    """A request for each message that the ended session said."""
    return [
        MessageCancelRequested(**about(ticket, at), message_id=one, by=by, reason=SESSION_ENDED)
        for one in message_ids
    ]
