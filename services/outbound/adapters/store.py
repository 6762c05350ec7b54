"""One transaction over all of outbound's tables, and the outbox of outbound.events."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import uuid_utils.compat as uuid_utils
from psycopg import AsyncConnection

from services.outbound.adapters.media_rows import MediaRows
from services.outbound.adapters.queue import Rows
from services.outbound.adapters.rate_limit_rows import LevelsOfPace
from services.outbound.adapters.retention import Forgetting
from services.outbound.adapters.side_tables import SideTables
from services.outbound.domain.fate import Change
from services.outbound.domain.media import MediaRow
from services.outbound.domain.queue_row import QueueRow
from shared.contracts.envelope import Envelope
from shared.contracts.outbound import Fate, MediaStored, MediaUnavailable
from shared.contracts.topics import OUTBOUND_EVENTS
from shared.plumbing.kafka import Outgoing, Producer
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings

_NO_KEY: Final = bytes(32)  # operators open nothing here


class PostgresStore:
    """outbound's schema."""

    def __init__(
        self, pool: Pool, sealer: Sealer, outbox: Outbox, new_id: Callable[[], UUID]
    ) -> None:
        self._pool = pool
        self._sealer = sealer
        self._outbox = outbox
        self._new_id = new_id

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator["PostgresWork"]:
        """A transaction; what it published is looked for after its commit."""
        async with self._pool.connection() as conn:
            work = PostgresWork(conn, self._sealer, self._outbox, self._new_id)
            yield work
        if work.published:
            self._outbox.wake.set()


class PostgresWork(Rows, SideTables, LevelsOfPace, Forgetting, MediaRows):
    """All tables in one transaction (`handlers.ports.Work`)."""

    def __init__(
        self,
        conn: AsyncConnection[Any],
        sealer: Sealer,
        outbox: Outbox,
        new_id: Callable[[], UUID],
    ) -> None:
        super().__init__(conn, sealer)
        self._outbox = outbox
        self._new_id = new_id
        self.published = False

    async def save(self, changes: Sequence[Change]) -> None:
        """Store the rows and, in the same transaction, the messages that tell of them."""
        await self.update([change.row for change in changes])
        await self._publish([self._outgoing(c.row, fact) for c in changes for fact in c.facts])

    async def publish_media(self, row: MediaRow, fact: MediaStored | MediaUnavailable) -> None:
        """Tell what became of a customer's file."""
        await self._publish([self._outgoing(row, fact)])

    async def _publish(self, messages: Sequence[Outgoing]) -> None:
        if messages:
            await self._outbox.put(self.conn, messages)
            self.published = True

    def _outgoing(self, row: QueueRow | MediaRow, fact: Fate) -> Outgoing:
        envelope = Envelope(
            id=str(self._new_id()),
            type=fact.TYPE,
            source="outbound",
            time=fact.occurred_at,
            subject=str(fact.message_id),
            account=row.account_id,
            correlation=row.correlation,
        )
        return Outgoing(OUTBOUND_EVENTS.name, row.key or b"", envelope, fact.body())


@asynccontextmanager
async def operators_store(settings: CommonSettings) -> AsyncGenerator[PostgresStore]:
    """The store for a verb of `guiche`; what it publishes is drained by the service."""
    pool = make_pool(settings.database_url, min_size=1, max_size=1)
    await pool.open()
    try:
        outbox = Outbox(pool, Producer(settings))
        yield PostgresStore(pool, Sealer(_NO_KEY), outbox, uuid_utils.uuid7)
    finally:
        await pool.close()
