"""One transaction over all of outbound's tables, and the outbox of outbound.events."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from services.outbound.adapters.beside import Beside
from services.outbound.adapters.levels import LevelsOfPace
from services.outbound.adapters.queue import Rows
from services.outbound.domain.fate import Change
from services.outbound.domain.queue_row import QueueRow
from shared.contracts.envelope import Envelope
from shared.contracts.outbound import Fate
from shared.contracts.topics import OUTBOUND_EVENTS
from shared.plumbing.kafka import Outgoing
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import Sealer


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


class PostgresWork(Rows, Beside, LevelsOfPace):
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
        """Store the rows and what is published of them."""
        await self.update([change.row for change in changes])
        messages = [self._outgoing(c.row, fact) for c in changes for fact in c.facts]
        if messages:
            await self._outbox.put(self.conn, messages)
            self.published = True

    def _outgoing(self, row: QueueRow, fact: Fate) -> Outgoing:
        envelope = Envelope(
            id=str(self._new_id()),
            type=fact.TYPE,
            source="outbound",
            time=fact.occurred_at,
            subject=str(row.message_id),
            account=row.account_id,
        )
        return Outgoing(OUTBOUND_EVENTS.name, row.key, envelope, fact.body())
