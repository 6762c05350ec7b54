"""Normalise an element of messages[] (Cloud API 4)."""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import ValidationError

from services.ingest.domain.normalise import facts, interactive, media, text_and_location
from services.ingest.domain.normalise.context import context_of, referral_of
from services.ingest.domain.normalise.origin import MessageFields, Place, item_fields
from services.ingest.domain.normalise.reading import (
    Object,
    UnreadableItemError,
    clean,
    id_of,
    instant_of,
    optional_id,
    optional_instant,
)
from services.ingest.domain.normalise.sender import sender_of
from services.ingest.domain.splitting import Piece
from shared.contracts.inbound import InboundMessage, UnknownReceived

_READERS: Final[Mapping[str, Callable[[MessageFields, Object], InboundMessage]]] = {
    "text": text_and_location.to_text,
    "image": media.to_image,
    "video": media.to_video,
    "audio": media.to_audio,
    "document": media.to_document,
    "sticker": media.to_sticker,
    "location": text_and_location.to_location,
    "contacts": text_and_location.to_contacts,
    "order": text_and_location.to_order,
    "interactive": interactive.to_interactive,
    "button": interactive.to_template_button,
    "reaction": facts.to_reaction,
    "edit": facts.to_edit,
    "revoke": facts.to_revoke,
    "system": facts.to_identity_change,
    "unsupported": text_and_location.to_unreadable,
    "unknown": text_and_location.to_unreadable,  # what versions before v13 called `unsupported`
}
_SAYS_NOTHING: Final = "request_welcome"  # the chat was opened; gone since 2026-03-27


def to_message(piece: Piece, place: Place) -> InboundMessage:
    """The message; UnknownReceived when its type or body cannot be read.

    Raises UnreadableItemError when nobody could say whose message it is: no object, no id, no
    sender. Those are not messages to anybody.
    """
    message = clean(piece.value)
    if not isinstance(message, dict):
        part = "message"
        raise UnreadableItemError(part)
    kind = optional_id(message, "type")
    if kind == _SAYS_NOTHING:
        raise UnreadableItemError(_SAYS_NOTHING)
    fields = _fields(piece, place, message)
    try:
        instant_of(message, "timestamp")
        return _reader(kind)(fields, message)
    except UnreadableItemError as error:
        return UnknownReceived(**fields, original_type=kind, problem=error.part)
    except ValidationError:
        return UnknownReceived(**fields, original_type=kind, problem="value")


def _reader(kind: str | None) -> Callable[[MessageFields, Object], InboundMessage]:
    if kind not in _READERS:
        part = "type"
        raise UnreadableItemError(part)
    return _READERS[kind]


def _fields(piece: Piece, place: Place, message: Object) -> MessageFields:
    sender = sender_of(message, clean(piece.contacts))
    if sender.phone is None and sender.user_id is None:
        part = "from"
        raise UnreadableItemError(part)
    return MessageFields(
        **item_fields(piece, place),
        wamid=id_of(message, "id"),
        sender=sender,
        occurred_at=optional_instant(message, "timestamp") or place.received_at,
        group_id=optional_id(message, "group_id"),
        context=context_of(message),
        referral=referral_of(message),
    )
