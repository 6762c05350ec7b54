"""Names and rights of people, sectors and connections, from directory.events."""

from collections.abc import Callable
from uuid import UUID

from services.gateway.domain.access import Person
from shared.contracts.directory import AgentChanged, ConnectionChanged
from shared.contracts.entities import Entity
from shared.plumbing.entities import EntityTable


class DirectoryTable(EntityTable):
    """People and names; `on_rights_changed` gets the id of every agent that changes."""

    def __init__(self) -> None:
        super().__init__(self._changed)
        self.on_rights_changed: Callable[[UUID], None] | None = None

    def person(self, id_: UUID) -> Person | None:
        """An active agent."""
        found = self.entities.get(AgentChanged, id_)
        if found is None or not found.active:
            return None
        return Person(
            id=found.id,
            account_id=found.account_id,
            name=found.name,
            roles=tuple(found.roles),
            sector_ids=tuple(found.sector_ids),
        )

    def name_of(self, id_: UUID) -> str | None:
        """The name of whatever has this id."""
        return self.entities.name_of(id_)

    def number_of(self, id_: UUID) -> str | None:
        """The number of a connection as people write it."""
        found = self.entities.get(ConnectionChanged, id_)
        return None if found is None else found.display_phone

    def _changed(self, before: Entity | None, _after: Entity | None) -> None:
        if isinstance(before, AgentChanged) and self.on_rights_changed is not None:
            self.on_rights_changed(before.id)
