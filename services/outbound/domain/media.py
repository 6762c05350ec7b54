"""A file: what is known of it, and what its first bytes say it is."""

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

UPLOAD_USABLE: Final = timedelta(days=29)  # Meta keeps an uploaded file for 30 days
FETCH_FOR: Final = timedelta(days=7)  # Meta forgets the id of a customer's file then
MOST_BYTES: Final = 100 * 1024 * 1024  # of any file at Meta (Cloud API 10)


class MediaState(StrEnum):
    """Whether the bytes are here."""

    PENDING = "pending"
    STORED = "stored"
    UNAVAILABLE = "unavailable"


class Direction(StrEnum):
    """From the customer, or for the customer."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class FileKey:
    """What the key of one file is made from."""

    media_id: UUID
    contact_key: bytes
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRow:
    """A row of table `media`. `sha256` of a pending one is what Meta says that it will be."""

    id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    connection_id: UUID
    direction: Direction
    state: MediaState
    mime_type: str
    created_at: datetime
    sealed_filename: bytes | None = None
    size: int | None = None
    sha256: bytes | None = None
    salt: bytes | None = None
    reason: str | None = None  # why it is unavailable, or why the last attempt failed
    attempts: int = 0
    # of what a customer sent
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    provider_id: str | None = None
    key: bytes | None = None  # Kafka's
    correlation: str | None = None

    @property
    def path(self) -> str:
        """Where the bytes are in the object store; each attempt to store them has its own place."""
        return f"{self.account_id}/{self.contact_id}/{self.id}.{(self.salt or b'').hex()}"


def media_id_of(message_id: UUID) -> UUID:
    """The id of the file of a customer's message, which has one at most."""
    return uuid5(message_id, "media")


def checksum(text: str | None) -> bytes | None:
    """A SHA-256 in hex, as Meta's API writes it, or in base64, as its webhooks do."""
    if text is None:
        return None
    with suppress(ValueError):
        return _of_sha256(bytes.fromhex(text))
    with suppress(ValueError):
        return _of_sha256(base64.b64decode(text, validate=True))
    return None


def _of_sha256(found: bytes) -> bytes:
    if len(found) != _SHA256_BYTES:
        raise ValueError(len(found))
    return found


_SHA256_BYTES: Final = 32
_SIGNATURES: Final[Mapping[bytes, str]] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"%PDF-": "application/pdf",
    b"OggS": "audio/ogg",
    b"#!AMR": "audio/amr",
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
    b"\xff\xf1": "audio/aac",
}
_BRANDS: Final[Mapping[bytes, str]] = {b"3gp": "video/3gpp", b"M4A": "audio/mp4"}
HEAD_BYTES: Final = 16


def sniffed(head: bytes) -> str | None:
    """The type of a file by its first 16 bytes; None where they are of no type that is known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:11], "video/mp4")
    found = (mime for signature, mime in _SIGNATURES.items() if head.startswith(signature))
    return next(found, None)
