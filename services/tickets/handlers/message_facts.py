"""What webhooks and outbound tell of a message, as events of its stream."""

from datetime import datetime
from typing import Final
from uuid import UUID

from services.tickets.domain.content import ProviderError
from services.tickets.domain.message import events as facts
from services.tickets.domain.people import CONTACT as BY_CONTACT
from shared.contracts import inbound, outbound

_STATUSES: Final[dict[type[inbound.Status], type[facts.MessageFact]]] = {
    inbound.StatusSent: facts.MessageSent,
    inbound.StatusDelivered: facts.MessageDelivered,
    inbound.StatusRead: facts.MessageRead,
    inbound.StatusPlayed: facts.MessagePlayed,
}
_FATES: Final[dict[type[outbound.Fate], type[facts.MessageFact]]] = {
    outbound.MessageSent: facts.MessageSent,
    outbound.MessageDelivered: facts.MessageDelivered,
    outbound.MessageRead: facts.MessageRead,
    outbound.MessagePlayed: facts.MessagePlayed,
}


def fact_of_item(item: inbound.Item, message_id: UUID) -> facts.MessageEvent | None:
    """What an item of a webhook says of a message; None when it says nothing to us."""
    match item:
        case inbound.ReactionChanged():
            return facts.ReactionChanged(
                message_id=message_id,
                occurred_at=item.occurred_at,
                by=BY_CONTACT,
                emoji=item.emoji,
            )
        case inbound.MessageEdited():
            return facts.MessageEdited(
                message_id=message_id, occurred_at=item.occurred_at, text=item.text, raw=item.raw
            )
        case inbound.MessageRevoked():
            return facts.MessageRevoked(message_id=message_id, occurred_at=item.occurred_at)
        case inbound.StatusFailed():
            errors = tuple(ProviderError(**error.model_dump()) for error in item.errors)
            return facts.MessageFailed(
                message_id=message_id,
                occurred_at=item.occurred_at,
                reason="undeliverable",
                errors=errors,
            )
        case inbound.Status():
            return _simple(_STATUSES.get(type(item)), message_id, item.occurred_at)
        case _:
            return None


def fact_of_fate(event: outbound.Fate, wamid_hash: str) -> facts.MessageEvent | None:
    """What outbound reports; `wamid_hash` is that of an acceptance (hex)."""
    id_, at = event.message_id, event.occurred_at
    match event:
        case outbound.MessageAccepted():
            return facts.MessageAccepted(
                message_id=id_, occurred_at=at, wamid_hash=wamid_hash, wamid=event.wamid
            )
        case outbound.MessageFailed():
            errors = tuple(ProviderError(**error.model_dump()) for error in event.errors)
            return facts.MessageFailed(
                message_id=id_, occurred_at=at, reason=event.reason, errors=errors
            )
        case outbound.MessageOutcomeUnknown():
            return facts.MessageOutcomeUnknown(message_id=id_, occurred_at=at, reason=event.reason)
        case outbound.MediaStored() | outbound.MediaUnavailable():
            return _media_fact(event)
        case outbound.MessageCancelled():
            return facts.MessageCancelled(message_id=id_, occurred_at=at, reason=event.reason)
        case _:
            return _simple(_FATES.get(type(event)), id_, at)


def _media_fact(event: outbound.MediaStored | outbound.MediaUnavailable) -> facts.MessageEvent:
    id_, at = event.message_id, event.occurred_at
    if isinstance(event, outbound.MediaUnavailable):
        return facts.MessageMediaUnavailable(
            message_id=id_, occurred_at=at, media_id=event.media_id, reason=event.reason
        )
    return facts.MessageMediaStored(
        message_id=id_,
        occurred_at=at,
        media_id=event.media_id,
        mime_type=event.mime_type,
        size=event.size,
        sha256=event.sha256,
    )


def _simple(
    kind: type[facts.MessageFact] | None, message_id: UUID, at: datetime
) -> facts.MessageEvent | None:
    """A fact that says no more than its name."""
    if kind is None:
        return None
    fact = kind(message_id=message_id, occurred_at=at)
    simple = (facts.MessageSent, facts.MessageDelivered, facts.MessageRead, facts.MessagePlayed)
    return fact if isinstance(fact, simple) else None
