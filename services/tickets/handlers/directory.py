"""What the directory says, as handlers look it up: one frozen snapshot per decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from shared.contracts.directory import (
    AccountChanged,
    AgentChanged,
    ConnectionChanged,
    SectorChanged,
)


class NotInDirectoryError(Exception):
    """The directory does not know this account or connection (yet): try again later."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every entity by its id; an adapter fills it from the topic and replaces it whole."""

    accounts: Mapping[UUID, AccountChanged] = field(default_factory=dict[UUID, AccountChanged])
    sectors: Mapping[UUID, SectorChanged] = field(default_factory=dict[UUID, SectorChanged])
    agents: Mapping[UUID, AgentChanged] = field(default_factory=dict[UUID, AgentChanged])
    connections: Mapping[UUID, ConnectionChanged] = field(
        default_factory=dict[UUID, ConnectionChanged]
    )

    def account(self, account: UUID) -> AccountChanged:
        """The account; raises NotInDirectoryError."""
        found = self.accounts.get(account)
        if found is None:
            message = f"account {account}"
            raise NotInDirectoryError(message)
        return found

    def connection(self, account: UUID, connection: UUID) -> ConnectionChanged:
        """The account's connection; raises NotInDirectoryError."""
        found = self.connections.get(connection)
        if found is None or found.account_id != account:
            message = f"connection {connection}"
            raise NotInDirectoryError(message)
        return found

    def agent(self, account: UUID, agent: UUID) -> AgentChanged | None:
        """An active agent of the account, or None."""
        found = self.agents.get(agent)
        return found if found and found.account_id == account and found.active else None

    def sector(self, account: UUID, sector: UUID) -> SectorChanged | None:
        """A sector of the account, also one that is not active any more, or None."""
        found = self.sectors.get(sector)
        return found if found and found.account_id == account else None


class DirectoryView(Protocol):
    """The port: where the newest snapshot is."""

    def snapshot(self) -> Snapshot:
        """The directory as this process knows it now."""
        ...
