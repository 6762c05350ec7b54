"""What of tickets stands on PostgreSQL, put together, opened and closed as one."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from services.tickets.domain.catalogue import EVENTS
from services.tickets.storage.codec import Codec
from services.tickets.storage.event_store import Recorder
from services.tickets.storage.keys import ContactKeys
from services.tickets.storage.store import Appended, EventStore
from services.tickets.storage.writer import Writer
from shared.plumbing.postgres import make_pool

_LEAST_CONNECTIONS: Final = 1
_MOST_CONNECTIONS: Final = 6


class Database:
    """The pool, the keys of contacts, and the event store with its writer."""

    def __init__(
        self,
        url: str,
        wrapping_key: Callable[[UUID], Awaitable[bytes]],
        appended: Appended | None = None,
    ) -> None:
        self.pool = make_pool(url, min_size=_LEAST_CONNECTIONS, max_size=_MOST_CONNECTIONS)
        self.keys = ContactKeys(self.pool, wrapping_key)
        self._recorder = Recorder(url)
        self.writer = Writer(self._recorder)
        codec = Codec(EVENTS)
        self.store = EventStore(self.pool, self.writer, codec, self.keys, appended)

    async def open(self) -> None:
        """Connect in the background, for ever; callers wait or fail until then."""
        await self.pool.open()
        await self.writer.start()

    async def close(self) -> None:
        """Store what waits, then give everything back."""
        await self.writer.stop()
        self._recorder.close()
        await self.pool.close()
