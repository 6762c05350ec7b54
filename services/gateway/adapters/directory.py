"""Who and what is set up now? directory.events, read whole (protocols.md 4)."""

from collections.abc import Callable
from uuid import UUID

from services.gateway.domain.access import Person
from shared.contracts.directory import (
    AccountChanged,
    AgentChanged,
    ConnectionChanged,
    SectorChanged,
)
from shared.plumbing.kafka import Received

Entity = AccountChanged | AgentChanged | ConnectionChanged | SectorChanged


class Book:
    """Entities by what directory last said of each; the last one wins."""

    def __init__(self) -> None:
        self._entities: dict[UUID, Entity] = {}
        self.on_rights_changed: Callable[[UUID], None] = _nobody

    def on_message(self, received: Received) -> None:
        """Take one message; a tombstone ends an entity."""
        id_ = UUID(received.key.decode())
        before = self._entities.get(id_)
        after = _read(received)
        if after is None:
            self._entities.pop(id_, None)
        else:
            self._entities[id_] = after
        if isinstance(before, AgentChanged) and before != after:
            self.on_rights_changed(id_)

    def person(self, id_: UUID) -> Person | None:
        """An active agent."""
        found = self._entities.get(id_)
        if not isinstance(found, AgentChanged) or not found.active:
            return None
        return Person(
            id=found.id,
            account_id=found.account_id,
            name=found.name,
            roles=tuple(found.roles),
            sector_ids=tuple(found.sector_ids),
        )

    def name_of(self, id_: UUID) -> str | None:
        """The name of an account, agent, sector or connection."""
        found = self._entities.get(id_)
        return None if found is None else found.name

    def number_of(self, id_: UUID) -> str | None:
        """The number of a connection as people write it."""
        found = self._entities.get(id_)
        return found.display_phone if isinstance(found, ConnectionChanged) else None


def _read(received: Received) -> Entity | None:
    if not received.body:
        return None
    for kind in (AccountChanged, AgentChanged, ConnectionChanged, SectorChanged):
        if received.envelope.type == kind.TYPE:
            return kind.read(received.body)
    return None


def _nobody(_: UUID) -> None:
    """Nobody listens yet."""
