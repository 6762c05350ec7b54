"""What every normalised item says besides its content: whose it is and where it stood."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.ingest.domain.splitting import Piece
from shared.contracts.inbound import Reference, Referral, Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The connection that an item came to, and the POST that brought it."""

    account_id: UUID
    connection_id: UUID
    phone_number_id: str
    body_sha256: str
    received_at: datetime


class ItemFields(TypedDict):
    """Fields of shared.contracts.inbound.Item."""

    account_id: UUID
    connection_id: UUID
    phone_number_id: str
    body_sha256: str
    index: str
    received_at: datetime
    raw: str


class MessageFields(ItemFields):
    """Fields of shared.contracts.inbound.InboundMessage."""

    wamid: str
    sender: Sender
    occurred_at: datetime
    group_id: str | None
    context: Reference | None
    referral: Referral | None


def item_fields(piece: Piece, place: Place) -> ItemFields:
    """What the item has in common with all others."""
    return ItemFields(
        account_id=place.account_id,
        connection_id=place.connection_id,
        phone_number_id=place.phone_number_id,
        body_sha256=place.body_sha256,
        index=piece.index,
        received_at=place.received_at,
        raw=piece.raw,
    )
