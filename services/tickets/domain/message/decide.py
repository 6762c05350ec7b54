"""Decide whether a fact is new; facts come in any order and repeat (domain.md 2.5)."""

from services.tickets.domain.message.events import (
    MessageEdited,
    MessageEvent,
    ReactionChanged,
)
from services.tickets.domain.message.state import MessageState


def learn(state: MessageState | None, fact: MessageEvent) -> list[MessageEvent]:
    """The fact, unless it is stored already; a late lower status is kept as evidence."""
    if state is None:
        return [fact]
    match fact:
        case ReactionChanged():
            known = dict(state.reactions)
            same = fact.by.kind in known and known[fact.by.kind] == fact.emoji
            return [] if same else [fact]
        case MessageEdited():
            return [] if state.edited == fact.text else [fact]
        case _:
            return [] if fact.TOPIC in state.facts else [fact]
