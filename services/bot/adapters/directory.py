"""Accounts, sectors, close reasons and entered flows, from directory.events read whole."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from shared.contracts.directory import (
    AccountChanged,
    CloseReasonChanged,
    ConnectionChanged,
    SectorChanged,
)
from shared.plumbing.entities import EntityTable


class FlowTargets(EntityTable):
    """What flows may name; `changed` is set with every change."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        super().__init__(lambda _before, _after: self.changed.set())

    def accounts(self) -> Sequence[UUID]:
        """All of them."""
        return [each.id for each in self.entities.all(AccountChanged)]

    def entered_flows(self, account_id: UUID) -> set[UUID]:
        """The flows that a connection of the account enters."""
        connections = self.entities.all(ConnectionChanged, account_id)
        return {each.flow_id for each in connections if each.flow_id is not None}

    def sectors(self, account_id: UUID) -> dict[str, UUID]:
        """The active sectors of an account, by name."""
        sectors = self.entities.all(SectorChanged, account_id)
        return {each.name: each.id for each in sectors if each.active}

    def close_reasons(self, account_id: UUID) -> set[UUID]:
        """The active close reasons of an account."""
        reasons = self.entities.all(CloseReasonChanged, account_id)
        return {each.id for each in reasons if each.active}
