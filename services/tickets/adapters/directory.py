"""What has an administrator set up? directory.events, read whole, as a snapshot for handlers."""

from types import MappingProxyType
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from services.tickets.handlers.directory import Snapshot
from shared.contracts.directory import (
    AccountChanged,
    AgentChanged,
    ConnectionChanged,
    SectorChanged,
)
from shared.plumbing import logs, metrics
from shared.plumbing.kafka import Received

_unreadable = metrics.counter("directory_unreadable", "Messages of directory that say nothing")
_log = logs.get(__name__)
_KINDS: Final = {
    kind.TYPE: kind for kind in (AccountChanged, SectorChanged, AgentChanged, ConnectionChanged)
}
_Entity = AccountChanged | SectorChanged | AgentChanged | ConnectionChanged


class DirectoryBook:
    """Implements DirectoryView; the last message of an entity wins (protocols.md 4)."""

    def __init__(self) -> None:
        self._entities: dict[bytes, _Entity] = {}
        self._snapshot: Snapshot | None = None

    def on_message(self, received: Received) -> None:
        """Take one message; an empty body ends its entity, a type we do not know is passed by."""
        if not received.body:
            self._entities.pop(received.key, None)
        elif (kind := _KINDS.get(received.envelope.type)) is not None:
            try:
                self._entities[received.key] = kind.read(received.body)
            except ValidationError:
                _unreadable.inc()
                _log.exception("unreadable entity", type=received.envelope.type)
        self._snapshot = None

    def snapshot(self) -> Snapshot:
        """The directory as of the last message; built again only after a change."""
        if self._snapshot is None:
            self._snapshot = self._built()
        return self._snapshot

    def _built(self) -> Snapshot:
        accounts: dict[UUID, AccountChanged] = {}
        sectors: dict[UUID, SectorChanged] = {}
        agents: dict[UUID, AgentChanged] = {}
        connections: dict[UUID, ConnectionChanged] = {}
        for entity in self._entities.values():
            match entity:
                case AccountChanged():
                    accounts[entity.id] = entity
                case SectorChanged():
                    sectors[entity.id] = entity
                case AgentChanged():
                    agents[entity.id] = entity
                case ConnectionChanged():
                    connections[entity.id] = entity
        return Snapshot(
            MappingProxyType(accounts),
            MappingProxyType(sectors),
            MappingProxyType(agents),
            MappingProxyType(connections),
        )
