"""Which line does an event add to a conversation? Messages, and what happened to its tickets."""

from collections.abc import Callable
from functools import singledispatch
from typing import Any, Final
from uuid import UUID, uuid5

from services.projections.domain.events import Event
from shared.contracts import tickets as published
from shared.contracts.envelope import Message
from shared.contracts.inbox import TimelineItem

_HAPPENINGS: Final[dict[type[Message], str]] = {
    published.TicketOpened: "ticket_opened",
    published.SectorAssigned: "sector_assigned",
    published.TicketQueued: "ticket_queued",
    published.TicketAccepted: "ticket_accepted",
    published.TicketClosed: "ticket_closed",
    published.TicketReopened: "ticket_reopened",
    published.FlowSessionStarted: "flow_session_started",
    published.FlowSessionEnded: "flow_session_ended",
    published.NoteAdded: "note_added",
    published.AutoMessageSkipped: "auto_message_skipped",
}


ConversationOf = Callable[[UUID], UUID | None]


def line(event: Event, conversation_of: ConversationOf) -> TimelineItem | None:
    """The line; `conversation_of` knows the conversation of each ticket."""
    message = event.message
    if message is None:
        return None
    if isinstance(message, published.TicketFact):
        return _happening(event, message, conversation_of)
    values = _said(message)
    if values is None:
        return None
    return TimelineItem.model_validate({**values, "kind": "message", "position": event.position})


def _happening(
    event: Event, message: published.TicketFact, conversation_of: ConversationOf
) -> TimelineItem | None:
    kind = _HAPPENINGS.get(type(message))
    conversation = conversation_of(message.ticket_id)
    if kind is None or conversation is None:
        return None
    return TimelineItem(
        id=uuid5(event.stream, str(event.version)),
        ticket_id=message.ticket_id,
        conversation_id=conversation,
        at=message.occurred_at,
        kind="happening",
        type=kind,
        text=_text(message),
        details=_details(message),
        author_kind=message.by.kind,
        author_id=message.by.agent_id,
        position=event.position,
    )


def _text(message: published.TicketFact) -> str | None:
    if isinstance(message, published.TicketClosed):
        return message.note
    return message.text if isinstance(message, published.NoteAdded) else None


def _details(message: published.TicketFact) -> dict[str, Any] | None:  # noqa: PLR0911  one per kind
    if isinstance(message, published.SectorAssigned):
        return {"sector_id": str(message.sector_id)}
    if isinstance(message, published.TicketQueued):
        return {"reason": message.reason}
    if isinstance(message, published.TicketAccepted):
        return {"owner_id": str(message.owner_id)}
    if isinstance(message, published.FlowSessionStarted):
        return {"session_id": str(message.session_id), "flow_id": str(message.flow_id)}
    if isinstance(message, published.FlowSessionEnded):
        return {"session_id": str(message.session_id), "reason": message.reason}
    if isinstance(message, published.AutoMessageSkipped):
        return {"kind": message.kind, "reason": message.reason}
    return None


@singledispatch
def _said(_message: Message) -> dict[str, Any] | None:
    return None


@_said.register
def _(message: published.MessageReceived) -> dict[str, Any]:
    return {
        **_common(message, message.content),
        "id": message.message_id,
        "direction": "in",
        "reply_to": message.reply_to,
        "author_kind": "contact",
        "after_close": message.after_close,
        "wamid_hash": message.wamid_hash,
    }


@_said.register
def _(message: published.MessageQueued) -> dict[str, Any]:
    return {
        **_common(message, message.content),
        "id": message.message_id,
        "direction": "out",
        "reply_to": message.reply_to,
        "author_kind": message.author.kind,
        "author_id": message.author.agent_id,
        "automatic": message.automatic,
        "fate": "queued",
    }


def _common(message: published.ConversationFact, content: published.Content) -> dict[str, Any]:
    return {
        "ticket_id": message.ticket_id,
        "conversation_id": message.conversation_id,
        "at": message.occurred_at,
        "type": content.type,
        "text": content.text,
        "media": content.media,
        "details": content.details,
    }
