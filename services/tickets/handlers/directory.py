"""What the directory says, as handlers look it up: one frozen snapshot per decision."""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from uuid import UUID

from shared.contracts.directory import (
    AccountChanged,
    AgentChanged,
    ConnectionChanged,
    SectorChanged,
)
from shared.contracts.entities import Entity
from shared.plumbing.entities import Entities

E = TypeVar("E", bound=Entity)


class NotInDirectoryError(Exception):
    """The directory does not know this account or connection (yet): try again later."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every entity at one instant."""

    entities: Entities = field(default_factory=Entities)

    def find(self, kind: type[E], account: UUID, id_: UUID) -> E | None:
        """The account's entity of this class, also one that is not active any more, or None."""
        return self.entities.find(kind, account, id_)

    def account(self, account: UUID) -> AccountChanged:
        """The account; raises NotInDirectoryError."""
        return self._known(AccountChanged, account, account)

    def connection(self, account: UUID, connection: UUID) -> ConnectionChanged:
        """The account's connection; raises NotInDirectoryError."""
        return self._known(ConnectionChanged, account, connection)

    def agent(self, account: UUID, agent: UUID) -> AgentChanged | None:
        """An active agent of the account, or None."""
        found = self.find(AgentChanged, account, agent)
        return found if found and found.active else None

    def sector(self, account: UUID, sector: UUID) -> SectorChanged | None:
        """A sector of the account, also one that is not active any more, or None."""
        return self.find(SectorChanged, account, sector)

    def _known(self, kind: type[E], account: UUID, id_: UUID) -> E:
        found = self.find(kind, account, id_)
        if found is None:
            message = f"{kind.kind()} {id_}"
            raise NotInDirectoryError(message)
        return found


class DirectoryView(Protocol):
    """The port: where the newest snapshot is."""

    def snapshot(self) -> Snapshot:
        """The directory as this process knows it now."""
        ...
