"""The database of tickets: its pool and clock, the event store and the store's writer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from services.tickets.domain.catalogue import EVENTS
from services.tickets.storage.codec import Codec
from services.tickets.storage.event_store import Recorder
from services.tickets.storage.keys import ContactKeys
from services.tickets.storage.store import EventStore
from services.tickets.storage.writer import Writer
from shared.plumbing.database import Database

_PROBE: Final = "SELECT 1 FROM relay_position"
_MOST_CONNECTIONS: Final = 6


class EventDatabase(Database):
    """`stored` is set after each append of this process."""

    def __init__(
        self,
        url: str,
        wrapping_key: Callable[[UUID], Awaitable[bytes]],
        stored: asyncio.Event | None = None,
    ) -> None:
        super().__init__(url, _PROBE, max_size=_MOST_CONNECTIONS)
        self.keys = ContactKeys(self.pool, wrapping_key)
        self._recorder = Recorder(url)
        self.writer = Writer(self._recorder)
        stored = stored or asyncio.Event()
        self.store = EventStore(self.pool, self.writer, Codec(EVENTS), self.keys, stored)

    async def open(self) -> None:
        """Connect as `Database.open` does, then start the writer."""
        await super().open()
        await self.writer.start()

    async def close_writer(self) -> None:
        """Store what waits, then close the writer's connection."""
        await self.writer.stop()
        self._recorder.close()

    async def close(self) -> None:
        """Give everything back."""
        await self.close_writer()
        await self.pool.close()
