"""Find an item's account: by its phone number id, else by the WhatsApp business account."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from services.ingest.domain.signature import App
from services.ingest.domain.splitting import Piece

Reason = Literal["unknown_number", "foreign_number", "unreadable_body"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A business number that an account set up."""

    id: UUID
    account_id: UUID
    phone_number_id: str
    waba_id: str
    display_phone: str


class Connections:
    """All connections, by what a webhook names them with."""

    def __init__(self, connections: Iterable[Connection] = ()) -> None:
        by_id = sorted(connections, key=lambda connection: connection.id)
        self._by_number: dict[str, Connection] = {}
        self._by_waba: dict[str, list[Connection]] = {}
        for connection in by_id:
            self._by_number.setdefault(connection.phone_number_id, connection)
            self._by_waba.setdefault(connection.waba_id, []).append(connection)

    def owner(self, piece: Piece, apps: Collection[App]) -> Connection | Reason:
        """The connection, or why there is none that the signing app may speak for."""
        found = self._find(piece)
        if found is None:
            return "unreadable_body" if piece.kind == "entry" else "unknown_number"
        return found if any(_speaks_for(app, found) for app in apps) else "foreign_number"

    def _find(self, piece: Piece) -> Connection | None:
        if piece.phone_number_id is not None:
            return self._by_number.get(piece.phone_number_id)
        candidates = self._by_waba.get(piece.waba_id or "", [])
        shown = _digits(piece.display_phone)
        named = (one for one in candidates if shown and _digits(one.display_phone) == shown)
        return next(named, candidates[0] if candidates else None)


def _speaks_for(app: App, connection: Connection) -> bool:
    return app.account_id == connection.account_id and connection.waba_id in app.waba_ids


def _digits(phone: str | None) -> str:
    """Samples of Meta carry `+` and blanks (Cloud API 3.6)."""
    return "".join(letter for letter in phone or "" if letter.isdigit())
