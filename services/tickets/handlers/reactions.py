"""Facts of others become our commands: what inbound.events and outbound.events cause."""

from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.ports import Clock, Hasher, NewId
from services.tickets.handlers.store import EventStore
from services.tickets.handlers.warm import Warm
from shared.contracts.inbound import Item
from shared.contracts.outbound import Fate


class UnidentifiableError(Exception):
    """An item names nobody to whom it could belong: a retry cannot mend it (park it)."""


class Reactions:
    """Repeats are no-ops; lost races are decided again without limit; `NotInDirectoryError` waits."""

    def __init__(
        self, store: EventStore, directory: DirectoryView, hasher: Hasher, warm: Warm, clock: Clock, ids: NewId
    ) -> None: ...

    async def when_inbound(self, item: Item, correlation: str) -> None:
        """Any type of inbound.events. Raises UnidentifiableError."""

    async def when_outbound(self, fate: Fate, correlation: str) -> None:
        """Any type of outbound.events."""
