"""How long a bot may be silent: a timer per message that it must answer (protocols.md 8)."""

from typing import Final
from uuid import UUID, uuid5

from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.ticket.state import Ticket

KIND: Final = "bot_silent"


def timer_id(session_id: UUID, message_id: UUID) -> UUID:
    """Of the newest message that the session must answer: a newer one has another."""
    return uuid5(session_id, f"{KIND}:{message_id}")


def current(ticket: Ticket, conversation: Conversation) -> UUID | None:
    """The timer that runs; None where no session does, or its flow has answered."""
    session_id, received = ticket.session_id, conversation.last_received_id
    if session_id is None or received is None:
        return None
    if conversation.answered_by_session == session_id:
        return None
    return timer_id(session_id, received)
