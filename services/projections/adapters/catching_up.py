"""How does a first start, or one after a long absence, come to where Kafka goes on? Feed first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.projections.adapters import store
from services.projections.adapters.feed import Feed, Page
from services.projections.handlers.ports import Place
from services.projections.handlers.project import Project
from services.projections.handlers.taking import Taking
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import logs
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.postgres import Pool

_MARGIN: Final = timedelta(minutes=2)  # clocks of broker and projections
_log = logs.get(__name__)


class CatchingUp:
    """Folds the feed up to its head, then says from which instant on Kafka is read."""

    def __init__(
        self,
        pool: Pool,
        project: Project,
        taking: Taking,
        feed: Feed,
        lease: Lease,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._taking = taking
        self._project = project
        self._feed = feed
        self._lease = lease
        self._now = now

    async def ready(self) -> bool:
        """Whether every partition has a place to follow Kafka from."""
        async with self._pool.connection() as conn:
            places = await store.places(conn)
        return len(places) == TICKETS_EVENTS.partitions and all(
            place.kafka_offset is not None or place.follow_from is not None
            for place in places.values()
        )

    async def run(self, beat: Heartbeat) -> bool:
        """Fold the feed to its head; false when another process is at it."""
        if not await self._lease.acquire():
            return False
        try:
            await self._to_head(beat)
        finally:
            await self._lease.release()
        return True

    async def forget(self) -> None:
        """Begin from nothing: the event store was restored to an earlier state."""
        _log.error("epoch raised: the read models are built again")
        async with self._pool.connection() as conn:
            await store.forget(conn)

    async def _to_head(self, beat: Heartbeat) -> None:
        after = await self._start()
        while True:
            asked_at = self._now()
            page = await self._feed.after(after)
            if await self._other_epoch(page):
                await self.forget()
                after = await self._start()
                continue
            await self._prepare(page)
            if page.deliveries:
                await self._taking.take(page.deliveries, told=False)
            done = page.next_after >= page.head
            await self._move(page, asked_at - _MARGIN if done else None)
            after = page.next_after
            beat.beat()
            await self._lease.renew()
            if done:
                _log.info("caught up", position=after)
                return

    async def _start(self) -> int:
        async with self._pool.connection() as conn:
            places = await store.places(conn)
        if len(places) < TICKETS_EVENTS.partitions:
            return 0
        return min(place.log_id for place in places.values())

    async def _other_epoch(self, page: Page) -> bool:
        async with self._pool.connection() as conn:
            places = await store.places(conn)
        return any(place.epoch < page.epoch for place in places.values())

    async def _prepare(self, page: Page) -> None:
        """A place for each partition, before anything is folded."""
        async with self._pool.connection() as conn:
            known = await store.places(conn)
            missing = set(range(TICKETS_EVENTS.partitions)) - set(known)
            await store.move(conn, [Place(number, page.epoch, 0) for number in sorted(missing)])

    async def _move(self, page: Page, follow_from: datetime | None) -> None:
        """Every partition has everything up to here: the feed is the whole log.

        Screens heard nothing of it, so they load again once it is whole (protocols.md 5).
        """
        async with self._pool.connection() as conn:
            places = await store.lock_places(conn, range(TICKETS_EVENTS.partitions))
            await store.move(
                conn,
                [
                    replace(
                        place,
                        log_id=max(place.log_id, page.next_after),
                        kafka_offset=None,
                        follow_from=follow_from,
                    )
                    for place in places.values()
                ],
            )
            if follow_from is not None:
                await self._project.reset(conn, self._now())
