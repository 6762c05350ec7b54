"""Stored events of sessions: JSON, sealed, bound to session and number."""

from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from services.bot.domain.events import KINDS, Event
from shared.plumbing.sealing import Sealer

_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {kind.__name__: TypeAdapter(kind) for kind in KINDS}


class Codec:
    """Seals with the bot's own key; what a customer answered is in here."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, session_id: UUID, number: int, event: Event) -> bytes:
        """The event as it is stored."""
        body = _ADAPTERS[type(event).__name__].dump_json(event)
        return self._sealer.seal(body, _aad(session_id, number))

    def open(self, session_id: UUID, number: int, kind: str, sealed: bytes) -> Event:
        """The stored event; raises SealBrokenError."""
        return _ADAPTERS[kind].validate_json(self._sealer.open(sealed, _aad(session_id, number)))

    def seal_name(self, contact_id: UUID, name: str | None) -> bytes | None:
        """A contact's name as it is stored."""
        return None if name is None else self._sealer.seal(name.encode(), contact_id.bytes)

    def open_name(self, contact_id: UUID, sealed: bytes | None) -> str | None:
        """A contact's name."""
        return None if sealed is None else self._sealer.open(sealed, contact_id.bytes).decode()


def _aad(session_id: UUID, number: int) -> bytes:
    return b"%b:%d" % (session_id.bytes, number)
