"""Normalise an element of statuses[] (Cloud API 5)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from services.ingest.domain.normalise.origin import ItemFields, Place, item_fields
from services.ingest.domain.normalise.reading import (
    Object,
    UnreadableItemError,
    clean,
    errors_of,
    id_of,
    optional_id,
    optional_instant,
    optional_text,
)
from services.ingest.domain.normalise.sender import identity
from services.ingest.domain.splitting import Piece
from shared.contracts import inbound


class StatusFields(ItemFields):
    """Fields of shared.contracts.inbound.Status."""

    wamid: str
    occurred_at: datetime
    recipient_phone: str | None
    recipient_user_id: str | None
    group_id: str | None
    participant_phone: str | None
    participant_user_id: str | None
    opaque_id: str | None
    pricing: dict[str, JsonValue] | None
    conversation: dict[str, JsonValue] | None


def to_status(piece: Piece, place: Place) -> inbound.Status:
    """The status; StatusUnknown when its word or instant is not one that we know.

    Raises UnreadableItemError when it names no message.
    """
    status = clean(piece.value)
    if not isinstance(status, dict):
        part = "status"
        raise UnreadableItemError(part)
    fields = _fields(piece, place, status)
    word = optional_text(status, "status")
    if word is None or word not in _READERS or optional_instant(status, "timestamp") is None:
        return inbound.StatusUnknown(**fields, status=word)
    return _READERS[word](fields, status)


def _to_failed(fields: StatusFields, status: Object) -> inbound.StatusFailed:
    return inbound.StatusFailed(**fields, errors=errors_of(status))


def _fields(piece: Piece, place: Place, status: Object) -> StatusFields:
    """A group's id stands in the recipient's place; older pages name the participant otherwise."""
    in_group = status.get("recipient_type") == "group"
    recipient = optional_id(status, "recipient_id")
    phone, user_id = identity(
        None if in_group else recipient, optional_id(status, "recipient_user_id")
    )
    member_phone, member_user_id = identity(
        optional_id(status, "recipient_participant_id", "participant_recipient_id"),
        optional_id(status, "recipient_participant_user_id", "participant_recipient_user_id"),
    )
    return StatusFields(
        **item_fields(piece, place),
        wamid=id_of(status, "id"),
        occurred_at=optional_instant(status, "timestamp") or place.received_at,
        recipient_phone=phone,
        recipient_user_id=user_id,
        group_id=optional_id(status, "group_id") or (recipient if in_group else None),
        participant_phone=member_phone,
        participant_user_id=member_user_id,
        opaque_id=optional_id(status, "biz_opaque_callback_data"),
        pricing=_object(status, "pricing"),
        conversation=_object(status, "conversation"),
    )


def _object(status: Object, key: str) -> dict[str, JsonValue] | None:
    found = status.get(key)
    return found if isinstance(found, dict) else None


_READERS: Final[Mapping[str, Callable[[StatusFields, Object], inbound.Status]]] = {
    "sent": lambda fields, _: inbound.StatusSent(**fields),
    "delivered": lambda fields, _: inbound.StatusDelivered(**fields),
    "read": lambda fields, _: inbound.StatusRead(**fields),
    "played": lambda fields, _: inbound.StatusPlayed(**fields),
    "failed": _to_failed,
}
