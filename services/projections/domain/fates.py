"""What became of a message? Facts in any order; the shown fate never falls (domain.md 2.5)."""

from functools import singledispatch
from typing import Final
from uuid import UUID

from pydantic import Field

from shared.contracts import tickets as published
from shared.contracts.envelope import Contract, Message
from shared.contracts.inbox import TimelineItem

_RANKS: Final = {"queued": 0, "accepted": 1, "sent": 2, "delivered": 3, "read": 4, "played": 5}
_FINAL_FROM: Final = _RANKS["delivered"]  # failed and unknown stand only below delivered
_FATES: Final[dict[type[Message], str]] = {
    published.MessageAccepted: "accepted",
    published.MessageSent: "sent",
    published.MessageDelivered: "delivered",
    published.MessageRead: "read",
    published.MessagePlayed: "played",
}


class Fate(Contract):
    """All that is known of a message besides what was said; may come before the message."""

    message_id: UUID
    same_as: UUID | None = None
    rank: int = 0
    ended: str | None = None  # failed, unknown, cancelled
    reason: str | None = None
    reactions: dict[str, str] = Field(default_factory=dict[str, str])
    edited_text: str | None = None
    edited: bool = False
    revoked: bool = False
    wamid_hash: str | None = None
    position: str = ""


def fold(fate: Fate, message: Message) -> Fate:
    """The fate after a fact."""
    return _after(message, fate)


def merged(fate: Fate, other: Fate) -> Fate:
    """One fate of two streams that turned out to be one message."""
    ended = fate.ended or other.ended
    return fate.model_copy(
        update={
            "rank": max(fate.rank, other.rank),
            "ended": ended,
            "reason": fate.reason if fate.ended else other.reason,
            "reactions": {**other.reactions, **fate.reactions},
            "edited": fate.edited or other.edited,
            "edited_text": fate.edited_text or other.edited_text,
            "revoked": fate.revoked or other.revoked,
            "wamid_hash": fate.wamid_hash or other.wamid_hash,
        }
    )


def shown(item: TimelineItem, fate: Fate | None) -> TimelineItem:
    """The line with its fate."""
    if fate is None:
        return item
    common = {
        "reactions": fate.reactions,
        "edited": fate.edited,
        "revoked": fate.revoked,
        "text": fate.edited_text if fate.edited else item.text,
        "wamid_hash": item.wamid_hash or fate.wamid_hash,
        "position": max(item.position, fate.position, key=_place),
    }
    if item.direction == "in":
        return item.model_copy(update=common)
    settled = fate.ended is not None and fate.rank < _FINAL_FROM
    by_rank = next(name for name, rank in _RANKS.items() if rank == fate.rank)
    word = fate.ended if settled else by_rank
    reason = fate.reason if settled else None
    return item.model_copy(update={**common, "fate": word, "fate_reason": reason})


def _place(position: str) -> tuple[int, int]:
    epoch, _, rest = position.partition(".")
    return (int(epoch), int(rest.partition("-")[2])) if rest else (-1, -1)


@singledispatch
def _after(message: Message, fate: Fate) -> Fate:
    word = _FATES.get(type(message))
    if word is None:
        return fate
    settles = fate.ended == "unknown"
    return fate.model_copy(
        update={
            "rank": max(fate.rank, _RANKS[word]),
            "ended": None if settles else fate.ended,
            "reason": None if settles else fate.reason,
        }
    )


@_after.register
def _(message: published.MessageAccepted, fate: Fate) -> Fate:
    settles = fate.ended == "unknown"
    return fate.model_copy(
        update={
            "rank": max(fate.rank, _RANKS["accepted"]),
            "wamid_hash": message.wamid_hash,
            "ended": None if settles else fate.ended,
            "reason": None if settles else fate.reason,
        }
    )


@_after.register
def _(message: published.MessageFailed, fate: Fate) -> Fate:
    return fate.model_copy(update={"ended": "failed", "reason": message.reason})


@_after.register
def _(message: published.MessageOutcomeUnknown, fate: Fate) -> Fate:
    if fate.rank > 0 or fate.ended is not None:
        return fate
    return fate.model_copy(update={"ended": "unknown", "reason": message.reason})


@_after.register
def _(message: published.MessageCancelled, fate: Fate) -> Fate:
    return fate.model_copy(update={"ended": "cancelled", "reason": message.reason})


@_after.register
def _(message: published.MessageEdited, fate: Fate) -> Fate:
    return fate.model_copy(update={"edited": True, "edited_text": message.text})


@_after.register
def _(_message: published.MessageRevoked, fate: Fate) -> Fate:
    return fate.model_copy(update={"revoked": True})


@_after.register
def _(message: published.ReactionChanged, fate: Fate) -> Fate:
    kept = {who: emoji for who, emoji in fate.reactions.items() if who != message.by.kind}
    now = kept if message.emoji is None else {**kept, message.by.kind: message.emoji}
    return fate.model_copy(update={"reactions": now})


@_after.register
def _(message: published.MessageLinked, fate: Fate) -> Fate:
    return fate.model_copy(update={"same_as": message.same_as})
