"""The texts that events cause, queued in the append of their cause (protocols.md 2)."""

from typing import Final
from uuid import UUID

from services.tickets.domain import automatic_texts
from services.tickets.domain.automatic_texts import AutomaticText
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.conversation.events import MessageQueued
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import Recipient
from services.tickets.domain.ticket.events import (
    TicketAccepted,
    TicketClosed,
    TicketEvent,
    TicketTransferred,
)
from services.tickets.handlers import claims
from services.tickets.handlers.execution import Changes, CommandContext
from services.tickets.handlers.requests import NotFoundError
from services.tickets.storage.state_cache import CONTACT, CONVERSATION, TICKET
from shared.contracts.directory import Texts

ACCEPTANCE: Final = "acceptance"
FAREWELL: Final = "farewell"
TRANSFER: Final = "transfer"


def kind_of(event: TicketEvent) -> str | None:
    """The kind of automatic text (greeting, farewell, …) that an event causes, if any."""
    match event:
        case TicketAccepted(via="queue"):
            return ACCEPTANCE
        case TicketTransferred():
            return TRANSFER
        case TicketClosed(farewell=True):
            return FAREWELL
        case _:
            return None


def queue_caused(changes: Changes, context: CommandContext, texts: Texts) -> None:
    """Queue the text of each event that causes one; none is set, none is sent."""
    kinds = [kind for event in changes.ticket if (kind := kind_of(event)) is not None]
    for kind in kinds:
        queue(changes, context, kind, getattr(texts, kind))


def queue(
    changes: Changes,
    context: CommandContext,
    kind: str,
    text: str | None,
    *,
    cause: UUID | None = None,
    final: bool = False,
) -> None:
    """Queue one text after what was queued before; never to a group (domain.md 2.6).

    `cause` is the command unless another is named; `final`: the text has no variables left.
    """
    contact = CONTACT.after(context.contact.state, changes.contact)
    if text is None or (contact is not None and contact.group):
        return
    event = automatic_texts.queue(
        _due(changes, context, contact, AutomaticText(kind, text, final=final), cause)
    )
    if isinstance(event, MessageQueued):
        changes.claims.append(claims.automatic(event.message_id))
        changes.conversation.append(event)
    else:
        changes.ticket.append(event)


def _due(
    changes: Changes,
    context: CommandContext,
    contact: Contact | None,
    text: AutomaticText,
    cause: UUID | None,
) -> automatic_texts.Due:
    held, said = context.ticket, context.conversation
    ticket = TICKET.after(held and held.state, changes.ticket)
    conversation = CONVERSATION.after(said and said.state, changes.conversation) or Conversation()
    if ticket is None:
        raise NotFoundError
    return automatic_texts.Due(
        text=text,
        cause=cause or context.request.command_id,
        at=context.at,
        ticket=ticket,
        name=None if contact is None else contact.name,
        recipient=recipient(contact),
        window_closes_at=conversation.window_closes_at,
        after=conversation.last_queued_id,
    )


def recipient(contact: Contact | None) -> Recipient:
    """The contact, in the form that Meta gave."""
    if contact is None:
        return Recipient()
    return Recipient(phone=contact.phone, user_id=contact.user_id)
