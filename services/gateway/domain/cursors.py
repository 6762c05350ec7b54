"""Cursors of pages: sort instant and id, signed."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Final
from uuid import UUID

_SIGNATURE_BYTES: Final = 16

Place = tuple[datetime, UUID]


class InvalidCursorError(ValueError):
    """The cursor is not one of ours, or of another list."""


def signed(place: Place, purpose: str, key: bytes) -> str:
    """The cursor of a place; `purpose` binds it to a list."""
    return signed_text(f"{place[0].isoformat()}|{place[1]}", purpose, key)


def opened(cursor: str, purpose: str, key: bytes) -> Place:
    """The place of a cursor; raises InvalidCursorError."""
    at, _, id_ = opened_text(cursor, purpose, key).partition("|")
    return datetime.fromisoformat(at), UUID(id_)


def signed_text(text: str, purpose: str, key: bytes) -> str:
    """As `signed`, for lists that are sorted by something else than an instant."""
    payload = text.encode()
    return base64.urlsafe_b64encode(_signature(payload, purpose, key) + payload).decode()


def opened_text(cursor: str, purpose: str, key: bytes) -> str:
    """What was signed; raises InvalidCursorError."""
    try:
        raw = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursorError from error
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(payload, purpose, key)):
        raise InvalidCursorError
    return payload.decode()


def _signature(payload: bytes, purpose: str, key: bytes) -> bytes:
    digest = hmac.digest(key, purpose.encode() + b"\x1f" + payload, hashlib.sha256)
    return digest[:_SIGNATURE_BYTES]
