"""Normalise one piece of a webhook: every piece becomes exactly one item."""

from services.ingest.domain.normalise.message import to_message
from services.ingest.domain.normalise.origin import Place, item_fields
from services.ingest.domain.normalise.reading import UnreadableItemError, clean_text
from services.ingest.domain.normalise.status import to_status
from services.ingest.domain.splitting import Piece
from shared.contracts.inbound import Item, Unsupported


def to_item(piece: Piece, place: Place) -> Item:
    """A message, a status, or Unsupported with the raw JSON; never raises for what Meta wrote."""
    try:
        if piece.kind == "messages":
            return to_message(piece, place)
        if piece.kind == "statuses":
            return to_status(piece, place)
    except UnreadableItemError as error:
        return _unsupported(piece, place, error.part)
    return _unsupported(piece, place, None if piece.kind == "change" else piece.kind)


def _unsupported(piece: Piece, place: Place, problem: str | None) -> Unsupported:
    """A field of section 6, errors of the number, or what we have never seen."""
    return Unsupported(
        **item_fields(piece, place),
        field=None if piece.field is None else clean_text(piece.field),
        problem=problem,
    )
