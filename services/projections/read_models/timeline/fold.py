"""Fold events into a conversation's lines: messages, and what happened to its tickets."""

import re
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid5

from services.projections.domain.events import Event
from services.projections.read_models.cards.fold import CardRows
from services.projections.read_models.folding import Fold
from services.projections.read_models.read_model import RowCache, States
from shared.contracts import tickets as published
from shared.contracts.content import Media, PublishedContent
from shared.contracts.conversations import Circumstances
from shared.contracts.inbox import TimelineItem
from shared.contracts.tickets import TICKETS_EVENTS_TYPES

_ELSEWHERE: Final = {*published.TicketFact.model_fields, "conversation_id", "note", "text"}
"""Fields that the line has a place of its own for, or that its conversation says."""


@dataclass(slots=True)
class TimelineRows(RowCache):
    """The lines that a batch touches, and the accounts of new ones."""

    lines: dict[UUID, TimelineItem] = field(default_factory=dict[UUID, TimelineItem])
    accounts: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])

    def add(self, line: TimelineItem, event: Event) -> None:
        """Add the line of an event."""
        self.lines[line.id] = line
        self.accounts[line.id] = event.account_id


FOLD: Final = Fold[States](
    version=2,
    ignores=(
        published.ContactIdentified,
        published.ContactRenamed,
        published.ContactFieldSet,
        published.IdentityConflict,
        published.MessagesRead,
        published.MessageCancelRequested,
        published.InboundDropped,
        published.MessageFact,  # joined when a line is shown
        published.Internal,
    ),
)


def _on_ticket(states: States, event: Event, message: published.TicketFact) -> None:
    card = states.of(CardRows).rows.get(message.ticket_id)
    if card is not None:
        states.of(TimelineRows).add(_line(event, message, card.conversation_id), event)


FOLD.on(*(one for one in TICKETS_EVENTS_TYPES.values() if issubclass(one, published.TicketFact)))(
    _on_ticket
)


def _line(event: Event, message: published.TicketFact, conversation: UUID) -> TimelineItem:
    """What happened to a ticket; `details` are the event's own fields."""
    details = message.model_dump(mode="json", exclude=_ELSEWHERE, exclude_none=True)
    return TimelineItem(
        id=uuid5(event.stream, str(event.version)),
        ticket_id=message.ticket_id,
        conversation_id=conversation,
        at=message.occurred_at,
        kind="happening",
        type=_name(type(message).__name__),
        text=_text(message),
        details=details,
        author_kind=message.by.kind,
        author_id=message.by.agent_id,
        position=event.position,
    )


def _name(event: str) -> str:
    """`TicketOpened` is `ticket_opened`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()


def _text(message: published.TicketFact) -> str | None:
    if isinstance(message, published.TicketClosed):
        return message.note
    return message.text if isinstance(message, published.NoteAdded) else None


@FOLD.on(published.MessageReceived)
def _received(states: States, event: Event, message: published.MessageReceived) -> None:
    values = {
        **_said(event, message, message.content),
        "id": message.message_id,
        "direction": "in",
        "author_kind": "contact",
        **{name: getattr(message, name) for name in Circumstances.model_fields},
        "wamid_hash": message.wamid_hash,
    }
    states.of(TimelineRows).add(TimelineItem.model_validate(values), event)


@FOLD.on(published.MessageQueued)
def _message_queued(states: States, event: Event, message: published.MessageQueued) -> None:
    values = {
        **_said(event, message, message.content),
        "id": message.message_id,
        "direction": "out",
        "reply_to": message.reply_to,
        "author_kind": message.author.kind,
        "author_id": message.author.agent_id,
        "automatic": message.automatic,
        "fate": "queued",
    }
    states.of(TimelineRows).add(TimelineItem.model_validate(values), event)


def _said(
    event: Event, message: published.ConversationFact, content: PublishedContent
) -> dict[str, Any]:
    return {
        "ticket_id": message.ticket_id,
        "conversation_id": message.conversation_id,
        "at": message.occurred_at,
        "kind": "message",
        "type": content.type,
        "text": content.text,
        "media": content.media and _media(content.media),
        "details": content.details,
        "position": event.position,
    }


def _media(media: Media) -> dict[str, Any]:
    """A file that was uploaded is here; one of a customer is being fetched."""
    state = "pending" if media.media_id is None else "stored"
    return {**media.model_dump(), "state": state}
