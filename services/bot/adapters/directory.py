"""Which accounts, sectors and entered flows are there? directory.events, read whole."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from shared.contracts.directory import (
    DIRECTORY_TYPES,
    AccountChanged,
    ConnectionChanged,
    SectorChanged,
)
from shared.contracts.envelope import Message
from shared.plumbing.kafka import Received


class DirectoryBook:
    """What directory last said of each entity; `changed` is set with every word."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Message] = {}
        self.changed = asyncio.Event()

    def on_message(self, received: Received) -> None:
        """Take one message; a tombstone ends an entity."""
        kind = DIRECTORY_TYPES.get(received.envelope.type)
        if not received.body:
            self._by_key.pop(received.key, None)
        elif kind is not None:
            self._by_key[received.key] = kind.read(received.body)
        self.changed.set()

    def accounts(self) -> Sequence[UUID]:
        """All of them."""
        return [each.id for each in self._by_key.values() if isinstance(each, AccountChanged)]

    def entered_flows(self, account_id: UUID) -> set[UUID]:
        """The flows that a connection of the account enters."""
        return {
            each.flow_id
            for each in self._by_key.values()
            if isinstance(each, ConnectionChanged)
            and each.account_id == account_id
            and each.flow_id is not None
        }

    def sectors(self, account_id: UUID) -> dict[str, UUID]:
        """The active sectors of an account, by name."""
        return {
            each.name: each.id
            for each in self._by_key.values()
            if isinstance(each, SectorChanged) and each.account_id == account_id and each.active
        }
