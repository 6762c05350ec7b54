"""Apply a fact to a message."""

from dataclasses import replace

from services.tickets.domain.message.events import (
    MessageAccepted,
    MessageEdited,
    MessageEvent,
    MessageLinked,
    MessageRevoked,
    ReactionChanged,
)
from services.tickets.domain.message.state import MessageState


def evolve(state: MessageState | None, event: MessageEvent) -> MessageState:
    """The message after the fact."""
    known = state or MessageState()
    known = replace(known, facts=known.facts | {event.TOPIC})
    match event:
        case MessageAccepted():
            return replace(known, wamid=event.wamid, wamid_hash=event.wamid_hash)
        case ReactionChanged():
            others = tuple(one for one in known.reactions if one[0] != event.by.kind)
            return replace(known, reactions=(*others, (event.by.kind, event.emoji)))
        case MessageEdited():
            return replace(known, edited=event.text)
        case MessageRevoked():
            return replace(known, revoked=True)
        case MessageLinked():
            return replace(known, same_as=event.same_as)
        case _:
            return known
