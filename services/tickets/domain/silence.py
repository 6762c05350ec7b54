"""How long may a bot be silent? Each message that it must answer has a timer (protocols.md 8)."""

from typing import Final
from uuid import UUID, uuid5

from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.ticket.state import Ticket

KIND: Final = "bot_silent"


def timer_id(session_id: UUID, message_id: UUID) -> UUID:
    """Of the customer's message that the session has heard last: a newer one has another."""
    return uuid5(session_id, f"{KIND}:{message_id}")


def current(ticket: Ticket, said: Conversation) -> UUID | None:
    """The timer that may be running; None where no session runs."""
    heard = said.last_received_id
    if ticket.session_id is None or heard is None:
        return None
    return timer_id(ticket.session_id, heard)
