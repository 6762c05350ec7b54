"""Apply an event to a conversation."""

from dataclasses import replace
from typing import assert_never
from uuid import UUID

from services.tickets.domain.conversation.events import (
    FLOW,
    ConversationEvent,
    FlowAcknowledged,
    InboundDropped,
    MessageCancelRequested,
    MessageQueued,
    MessageReceived,
    MessagesRead,
)
from services.tickets.domain.conversation.state import (
    REMEMBERED_MESSAGES,
    Conversation,
    MessageRef,
)


def evolve(conversation: Conversation | None, event: ConversationEvent) -> Conversation:
    """The conversation after the event."""
    known = conversation or Conversation()
    match event:
        case MessageReceived():
            return replace(
                known,
                last_ticket_id=event.ticket_id,
                window_closes_at=event.window_closes_at,
                answered_by_session=None,
                messages=_with(
                    known, MessageRef(event.message_id, inbound=True, wamid=event.wamid)
                ),
            )
        case MessageQueued():
            greets = event.automatic == "greeting"
            answers = event.session_id is not None and known.is_newest_received(event.heard)
            return replace(
                known,
                last_ticket_id=event.ticket_id,
                greeted_at=event.occurred_at if greets else known.greeted_at,
                last_queued_id=event.message_id,
                answered_by_session=event.session_id if answers else known.answered_by_session,
                messages=_with(known, _queued(event)),
            )
        case MessagesRead():
            return replace(known, read_up_to=event.up_to)
        case MessageCancelRequested():
            return replace(known, messages=_without(known, event.message_id))
        case FlowAcknowledged():
            return replace(known, answered_by_session=event.session_id)
        case InboundDropped():
            return known
        case _:
            assert_never(event)


def _queued(event: MessageQueued) -> MessageRef:
    return MessageRef(event.message_id, inbound=False, by_flow=event.automatic == FLOW)


def _without(known: Conversation, message_id: UUID) -> tuple[MessageRef, ...]:
    return tuple(
        replace(one, cancelled=True) if one.message_id == message_id else one
        for one in known.messages
    )


def _with(known: Conversation, message: MessageRef) -> tuple[MessageRef, ...]:
    return (*known.messages[-REMEMBERED_MESSAGES + 1 :], message)
