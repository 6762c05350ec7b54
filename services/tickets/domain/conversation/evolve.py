"""How does an event change a conversation?"""

from dataclasses import replace

from services.tickets.domain.conversation.events import (
    ConversationEvent,
    InboundDropped,
    MessageQueued,
    MessageReceived,
    MessagesRead,
)
from services.tickets.domain.conversation.state import (
    REMEMBERED_MESSAGES,
    Conversation,
    Said,
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
                messages=_with(known, Said(event.message_id, inbound=True, wamid=event.wamid)),
            )
        case MessageQueued():
            greets = event.automatic == "greeting"
            return replace(
                known,
                last_ticket_id=event.ticket_id,
                greeted_at=event.occurred_at if greets else known.greeted_at,
                last_queued_id=event.message_id,
                messages=_with(known, Said(event.message_id, inbound=False)),
            )
        case MessagesRead():
            return replace(known, read_up_to=event.up_to)
        case InboundDropped():
            return known


def _with(known: Conversation, said: Said) -> tuple[Said, ...]:
    return (*known.messages[-REMEMBERED_MESSAGES + 1 :], said)
