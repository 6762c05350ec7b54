"""Build the Kafka message of an item."""

import base64
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.ingest.domain.keys import inbound_key
from services.ingest.domain.normalise.item import to_item
from services.ingest.domain.normalise.origin import Place
from services.ingest.domain.normalise.reading import clean_text
from services.ingest.domain.routing import Connection
from services.ingest.domain.splitting import Piece
from shared.contracts.envelope import Envelope
from shared.contracts.inbound import DeadItem
from shared.contracts.topics import INBOUND_EVENTS, INGEST_DEAD
from shared.plumbing.kafka import Outgoing
from shared.plumbing.kafka.messages import LARGEST_MESSAGE_BYTES
from shared.plumbing.sealing import hmac_key

PACKED: Final = "zlib+base85:"
_ROOM_BYTES: Final = 4 * 1024  # for key and headers
_FITS_BYTES: Final = LARGEST_MESSAGE_BYTES - _ROOM_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST of a webhook."""

    body_sha256: str
    received_at: datetime
    correlation: str


def to_inbound(
    piece: Piece, connection: Connection, post: Post, *, pepper: bytes, message_id: UUID
) -> Outgoing | None:
    """The message of an item on inbound.events; None when it is larger than Kafka takes."""
    item = to_item(
        piece,
        Place(
            account_id=connection.account_id,
            connection_id=connection.id,
            phone_number_id=connection.phone_number_id,
            body_sha256=post.body_sha256,
            received_at=post.received_at,
        ),
    )
    body = item.body()
    if len(body) > _FITS_BYTES:
        return None
    envelope = _envelope(post, message_id, item.TYPE, connection.account_id, str(connection.id))
    return Outgoing(INBOUND_EVENTS.name, inbound_key(pepper, item), envelope, body)


def to_dead(piece: Piece, reason: str, post: Post, *, own_key: bytes, message_id: UUID) -> Outgoing:
    """The item on ingest.dead, where operators find it."""
    number = None if piece.phone_number_id is None else clean_text(piece.phone_number_id)
    dead = DeadItem(
        reason=reason,
        phone_number_id=number,
        body_sha256=post.body_sha256,
        index=piece.index,
        received_at=post.received_at,
        raw=clean_text(piece.raw),
    )
    body = dead.body()
    if len(body) > _FITS_BYTES:
        body = dead.model_copy(update={"raw": packed(dead.raw)}).body()
    key = hmac_key(own_key, number or post.body_sha256).hex().encode()
    return Outgoing(INGEST_DEAD.name, key, _envelope(post, message_id, dead.TYPE, None, ""), body)


def unreadable(body: bytes) -> Piece:
    """A body that is no webhook, as one piece: bytes that are not UTF-8 as escapes."""
    return Piece(kind="entry", index="-", raw=body.decode(errors="backslashreplace"), value=None)


def packed(raw: str) -> str:
    """A raw JSON too large for a topic, compressed."""
    return PACKED + base64.b85encode(zlib.compress(raw.encode())).decode()


def unpacked(raw: str) -> str:
    """What `packed` packed; anything else as it is."""
    if not raw.startswith(PACKED):
        return raw
    return zlib.decompress(base64.b85decode(raw.removeprefix(PACKED))).decode()


def _envelope(
    post: Post, message_id: UUID, kind: str, account: UUID | None, subject: str
) -> Envelope:
    return Envelope(
        id=str(message_id),
        type=kind,
        source="ingest",
        time=post.received_at,
        subject=subject,
        account=account,
        correlation=post.correlation,
    )
