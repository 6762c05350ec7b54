"""Fold a message's facts, in any order; the status shown never falls (domain.md 2.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar
from uuid import UUID

from pydantic import Field

from services.projections.domain.events import Event
from services.projections.read_models.dated import Dated, dated, later
from services.projections.read_models.folding import Fold
from services.projections.read_models.read_model import RowCache, States
from shared.contracts import tickets as published
from shared.contracts.content import ProviderError
from shared.contracts.envelope import Contract

RANKS: Final = {"queued": 0, "accepted": 1, "sent": 2, "delivered": 3, "read": 4, "played": 5}
FINAL_FROM: Final = RANKS["delivered"]  # failed and unknown stand only below delivered


class StoredMedia(Contract):
    """The file of the message is here."""

    state: Literal["stored"] = "stored"
    media_id: UUID
    mime_type: str
    size: int
    sha256: str


class UnavailableMedia(Contract):
    """The file of the message cannot be had."""

    state: Literal["unavailable"] = "unavailable"
    media_id: UUID
    reason: str


class DeliveryStatus(Contract):
    """All that is known of a message besides what was said; may come before the message."""

    message_id: UUID
    account_id: UUID
    same_as: UUID | None = None
    rank: int = 0
    ended: str | None = None  # failed, unknown, cancelled
    reason: str | None = None
    errors: list[ProviderError] = Field(default_factory=list[ProviderError])
    reactions: dict[str, Dated] = Field(default_factory=dict[str, Dated])  # by kind of author
    edited: Dated | None = None
    revoked: bool = False
    wamid_hash: str | None = None
    media: StoredMedia | UnavailableMedia | None = None
    position: str = ""


@dataclass(slots=True)
class MessageRows(RowCache):
    """The messages that a batch touches."""

    statuses: dict[UUID, DeliveryStatus] = field(default_factory=dict[UUID, DeliveryStatus])

    def target(self, message_id: UUID) -> UUID:
        """The message that facts of this stream belong to."""
        status = self.statuses.get(message_id)
        return message_id if status is None or status.same_as is None else status.same_as

    def status(self, message_id: UUID, event: Event) -> DeliveryStatus:
        """What is known of a message; nothing yet for one that this event names first."""
        found = self.statuses.get(message_id)
        return found or DeliveryStatus(message_id=message_id, account_id=event.account_id)


FOLD: Final = Fold[States](
    version=2,
    ignores=(
        published.ContactIdentified,
        published.ContactRenamed,
        published.ContactFieldSet,
        published.IdentityConflict,
        published.TicketFact,
        published.ConversationFact,
        published.InboundDropped,
        published.Internal,
    ),
)
_RANK_OF: Final[dict[type[published.MessageFact], int]] = {
    published.MessageAccepted: RANKS["accepted"],
    published.MessageSent: RANKS["sent"],
    published.MessageDelivered: RANKS["delivered"],
    published.MessageRead: RANKS["read"],
    published.MessagePlayed: RANKS["played"],
}
F = TypeVar("F", bound=published.MessageFact)
After = Callable[[DeliveryStatus, F, Event], DeliveryStatus]


def _on(*kinds: type[F]) -> Callable[[After[F]], After[F]]:
    """Fold these facts with a function from a status to the next one."""

    def register(after: After[F]) -> After[F]:
        @FOLD.on(*kinds)
        def fold(states: States, event: Event, message: F) -> None:
            rows = states.of(MessageRows)
            status = rows.status(rows.target(message.message_id), event)
            changed = after(status, message, event).model_copy(update={"position": event.position})
            rows.statuses[status.message_id] = changed

        del fold
        return after

    return register


@_on(*_RANK_OF)
def _ranked(status: DeliveryStatus, message: published.MessageFact, _: Event) -> DeliveryStatus:
    settles = status.ended == "unknown"
    accepted = isinstance(message, published.MessageAccepted)
    return status.model_copy(
        update={
            "rank": max(status.rank, _RANK_OF[type(message)]),
            "ended": None if settles else status.ended,
            "reason": None if settles else status.reason,
            "wamid_hash": message.wamid_hash if accepted else status.wamid_hash,
        }
    )


@_on(published.MessageFailed)
def _failed(status: DeliveryStatus, message: published.MessageFailed, _: Event) -> DeliveryStatus:
    values = {"ended": "failed", "reason": message.reason, "errors": message.errors}
    return status.model_copy(update=values)


@_on(published.MessageOutcomeUnknown)
def _unknown(
    status: DeliveryStatus, message: published.MessageOutcomeUnknown, _: Event
) -> DeliveryStatus:
    if status.rank > 0 or status.ended is not None:
        return status
    return status.model_copy(update={"ended": "unknown", "reason": message.reason})


@_on(published.MessageCancelled)
def _cancelled(
    status: DeliveryStatus, message: published.MessageCancelled, _: Event
) -> DeliveryStatus:
    return status.model_copy(update={"ended": "cancelled", "reason": message.reason})


@_on(published.MessageMediaStored)
def _media_stored(
    status: DeliveryStatus, message: published.MessageMediaStored, _: Event
) -> DeliveryStatus:
    values = message.model_dump(include=set(StoredMedia.model_fields))
    return status.model_copy(update={"media": StoredMedia(**values)})


@_on(published.MessageMediaUnavailable)
def _media_unavailable(
    status: DeliveryStatus, message: published.MessageMediaUnavailable, _: Event
) -> DeliveryStatus:
    if isinstance(status.media, StoredMedia):
        return status
    media = UnavailableMedia(media_id=message.media_id, reason=message.reason)
    return status.model_copy(update={"media": media})


@_on(published.MessageEdited)
def _edited(
    status: DeliveryStatus, message: published.MessageEdited, event: Event
) -> DeliveryStatus:
    new = dated(message.text, message.occurred_at, event)
    return status.model_copy(update={"edited": later(status.edited, new)})


@_on(published.MessageRevoked)
def _revoked(status: DeliveryStatus, _: published.MessageRevoked, __: Event) -> DeliveryStatus:
    return status.model_copy(update={"revoked": True})


@_on(published.ReactionChanged)
def _reacted(
    status: DeliveryStatus, message: published.ReactionChanged, event: Event
) -> DeliveryStatus:
    new = {message.by.kind: dated(message.emoji, message.occurred_at, event)}
    return status.model_copy(update={"reactions": _latest(status.reactions, new)})


def _latest(one: Mapping[str, Dated], other: Mapping[str, Dated]) -> dict[str, Dated]:
    """Of each author the reaction that holds; one that was taken back is kept, as evidence."""
    return {**one, **{who: later(one.get(who), new) or new for who, new in other.items()}}


@FOLD.on(published.MessageLinked)
def _linked(states: States, event: Event, message: published.MessageLinked) -> None:
    rows = states.of(MessageRows)
    alias = rows.status(message.message_id, event)
    joined = merged(rows.status(message.same_as, event), alias)
    rows.statuses[message.same_as] = joined.model_copy(update={"position": event.position})
    rows.statuses[alias.message_id] = alias.model_copy(update={"same_as": message.same_as})


def merged(status: DeliveryStatus, other: DeliveryStatus) -> DeliveryStatus:
    """One status of two streams that turned out to be one message."""
    return status.model_copy(
        update={
            "rank": max(status.rank, other.rank),
            "ended": status.ended or other.ended,
            "reason": status.reason if status.ended else other.reason,
            "errors": status.errors if status.ended else other.errors,
            "reactions": _latest(status.reactions, other.reactions),
            "edited": later(status.edited, other.edited),
            "revoked": status.revoked or other.revoked,
            "wamid_hash": status.wamid_hash or other.wamid_hash,
            "media": status.media or other.media,
        }
    )
