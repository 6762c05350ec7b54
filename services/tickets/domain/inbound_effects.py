"""What a customer's message does to tickets: the table of domain.md 2.4, top to bottom."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.state import OPEN, Ticket
from services.tickets.texts.pt_br import COURTESIES

_COURTESY: Final = "|".join(sorted(COURTESIES, key=len, reverse=True))
_ONLY_COURTESIES: Final = re.compile(f"(?:(?:{_COURTESY})(?: |$))+")


class Effect(Enum):
    """What follows besides keeping the message."""

    OPEN = auto()
    APPEND = auto()
    APPEND_AFTER_CLOSE = auto()
    REOPEN = auto()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that says something: when, and its text when it is one."""

    at: datetime  # Meta's instant
    text: str | None


def effect(newest: Ticket | None, arrival: Arrival, policies: Policies) -> Effect:
    """What a message does, by the newest ticket of its contact and connection."""
    if newest is None:
        return Effect.OPEN
    if newest.lifecycle in OPEN:
        return Effect.APPEND
    closed_at = newest.closed_at or newest.opened_at
    since = arrival.at - closed_at
    if since <= timedelta(minutes=policies.courtesy_minutes) and is_courtesy(
        arrival.text, policies.courtesy_max_characters
    ):
        return Effect.APPEND_AFTER_CLOSE
    if policies.inbound_after_close == "always_reopen":
        return Effect.REOPEN
    within = timedelta(minutes=policies.reopen_within_minutes)
    if policies.inbound_after_close == "reopen_within" and since <= within:
        return Effect.REOPEN
    return Effect.OPEN


def is_courtesy(text: str | None, max_characters: int) -> bool:
    """Whether a text only thanks, greets or is made of emoji; a question never is."""
    if text is None or len(text) > max_characters or "?" in text:
        return False
    words = " ".join(re.findall(r"[^\W_]+", _folded(text)))
    if words:
        return _ONLY_COURTESIES.fullmatch(words) is not None
    return any(unicodedata.category(character) == "So" for character in text)


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one))
