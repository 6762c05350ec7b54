"""Which events can be stored, by their stable name."""

from collections.abc import Mapping
from typing import Final, get_args

from services.tickets.domain.contact.events import ContactEvent
from services.tickets.domain.conversation.events import ConversationEvent
from services.tickets.domain.message.events import MessageEvent
from services.tickets.domain.ticket.events import TicketEvent

Event = ContactEvent | ConversationEvent | TicketEvent | MessageEvent


def _by_topic(kinds: tuple[type[Event], ...]) -> Mapping[str, type[Event]]:
    found = {kind.TOPIC: kind for kind in kinds}
    if len(found) != len(kinds):
        message = f"a TOPIC stands twice among {sorted(kind.TOPIC for kind in kinds)}"
        raise ValueError(message)
    return found


EVENTS: Final = _by_topic(get_args(Event))
"""Stored name -> class, of every event there is."""
