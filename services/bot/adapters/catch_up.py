"""Reads the feed of tickets up to where Kafka goes on: at the first start, after a long absence.

Sessions that start in the past are only noted; those that still run at the head of the log begin
then. Kafka is read from the group's offset on: what comes twice is known by its version. While
`seen_at` of the position is NULL, the head has not been reached.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from services.bot.domain.inputs import Begun
from services.bot.handlers.ports import History, Store
from services.bot.handlers.sessions import Sessions
from services.bot.handlers.ticket_events import TicketEvents
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import logs
from shared.plumbing.feed import as_record
from shared.plumbing.kafka import Received
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.outbox import Outbox
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import TRANSIENT, Pool
from shared.plumbing.transient import TRANSIENT_ANYWHERE

LONGEST_ABSENCE: Final = timedelta(hours=48)  # Kafka forgets after 72
_WAIT_SECONDS: Final = 0.5
_PASSING: Final = (*TRANSIENT, *TRANSIENT_ANYWHERE)
_PLACE: Final = "SELECT log_id, seen_at FROM position"
_MOVE: Final = """
INSERT INTO position (epoch, log_id, seen_at) VALUES (%s, %s, %s)
ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, log_id = excluded.log_id,
    seen_at = excluded.seen_at
"""
_BEGIN: Final = "UPDATE position SET seen_at = NULL"  # until the head is reached
_SEEN: Final = "UPDATE position SET seen_at = %s WHERE seen_at IS NOT NULL"
_log = logs.get(__name__)


class CatchUp:
    """Reads the feed to its head, and marks the service as present from then on."""

    def __init__(
        self,
        pool: Pool,
        store: Store,
        sessions: Sessions,
        ticket_events: TicketEvents,
        feed: History,
        parking: Parking,
        outbox: Outbox,
        lease: Lease,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._store = store
        self._sessions = sessions
        self._ticket_events = ticket_events
        self._feed = feed
        self._parking = parking
        self._outbox = outbox
        self._lease = lease
        self._now = now

    async def again(self, beat: Heartbeat) -> None:
        """A body for Loops: read the past when it is not known any more."""
        await self.run()
        beat.beat()

    async def run(self) -> None:
        """Return when the past is known; another process may be the one that reads it."""
        while (after := await self._after()) is not None:
            if not await self._lease.acquire():
                await asyncio.sleep(_WAIT_SECONDS)
                continue
            try:
                await self._to_head(after)
            finally:
                await self._lease.release()
        await self._begin_noted()

    async def seen(self, beat: Heartbeat) -> None:
        """A body for Loops: an absence is counted from here, once the head has been reached."""
        async with self._pool.connection() as conn:
            await conn.execute(_SEEN, (self._now(),))
        beat.beat()

    async def _after(self) -> int | None:
        """Where the feed is read from; None: Kafka has everything that we have not."""
        async with self._pool.connection() as conn:
            found = await (await conn.execute(_PLACE)).fetchone()
        if found is None:
            return 0
        log_id, seen_at = found
        here = seen_at is not None and self._now() - seen_at < LONGEST_ABSENCE
        return None if here else log_id

    async def _to_head(self, after: int) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(_BEGIN)
        while True:
            page = await self._feed.after(after)
            if await self._other_epoch(page.epoch):
                after = 0
                continue
            await self._take(page.messages)
            done = page.next_after >= page.head
            async with self._pool.connection() as conn:
                seen_at = self._now() if done else None
                await conn.execute(_MOVE, (page.epoch, page.next_after, seen_at))
            after = page.next_after
            await self._lease.renew()
            if done:
                _log.info("caught up", position=after)
                return

    async def _other_epoch(self, epoch: int) -> bool:
        """Whether another store's past was read so far; then it is forgotten."""
        async with self._pool.connection() as conn:
            known = await self._store.epoch(conn)
            other = known is not None and known != epoch
            if other:
                _log.error("epoch raised: the past is read again")
                await self._store.forget(conn)
        return other

    async def _take(self, messages: Sequence[Received]) -> None:
        held = await self._parking.held(TICKETS_EVENTS.name, list({m.key for m in messages}))
        if not held and await self._all(messages):
            return
        for message in messages:
            await self._one(message, held)

    async def _all(self, messages: Sequence[Received]) -> bool:
        """Whether all could be taken at once."""
        try:
            await self._ticket_events.take(messages, begin=False)
        except _PASSING:
            raise
        except Exception:  # noqa: BLE001  whatever it is, one by one will tell whose it is
            _log.warning("page refused", messages=len(messages), exc_info=True)
            return False
        return True

    async def _one(self, message: Received, held: set[bytes]) -> None:
        """Taken, or parked with its key held (D13)."""
        reason = "behind"
        if message.key not in held:
            try:
                await self._ticket_events.take_one(message, begin=False)
            except _PASSING:
                raise
            except Exception as error:  # noqa: BLE001  a poison may raise anything
                reason = type(error).__name__
                _log.error("message parked", reason=reason, log_id=-message.offset, exc_info=True)
            else:
                return
        held.add(message.key)
        await self._parking.park(message.topic, as_record(message), reason, holds=True)

    async def _begin_noted(self) -> None:
        async with self._pool.connection() as conn:
            noted = await self._store.noted(conn)
        for session_id in noted:
            async with self._pool.connection() as conn:
                await self._sessions.take(conn, session_id, Begun())
        self._outbox.wake.set()
