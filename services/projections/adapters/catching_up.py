"""How does a model that is new, or was long away, come to where Kafka goes on? Feed first."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
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

BATCH_EVENTS: Final = 5_000  # nobody waits for one of them: what counts is the whole
# Records have the time of the relay's machine, which may be ten minutes slow (reliability.md F18);
# what is read once more is dropped by its log id.
_MARGIN: Final = timedelta(minutes=15)
_log = logs.get(__name__)

Pace = Callable[[Page], Awaitable[None]]
"""Called after each page is stored: tells how far it is, or holds it up."""


async def full_speed(_: Page) -> None:
    """No pause."""


class CatchingUp:
    """Folds the feed up to its head, then says from which instant on Kafka is read."""

    def __init__(
        self,
        pool: Pool,
        project: Project,
        taking: Taking,
        feed: Feed,
        lease: Lease,
        *,
        pace: Pace = full_speed,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        self._pool = pool
        self._taking = taking
        self._project = project
        self._feed = feed
        self._lease = lease
        self._pace = pace
        self._batch_events = batch_events

    async def ready(self) -> bool:
        """Whether every partition has a place to follow Kafka from."""
        async with self._pool.connection() as conn:
            places = await store.places(conn)
        return len(places) == TICKETS_EVENTS.partitions and all(
            place.followed for place in places.values()
        )

    async def run(self, beat: Heartbeat) -> bool:
        """Fold the feed to its head; false when another process is at it."""
        if not await self._lease.acquire():
            return False
        try:
            while not await self._to_head(beat):
                beat.beat()
        finally:
            await self._lease.release()
        return True

    async def forget(self, epoch: int) -> None:
        """Begin from nothing, unless another process has: the event store was restored."""
        async with self._pool.connection() as conn:
            forgotten = await store.forget(conn, epoch)
        if forgotten:
            _log.error("epoch raised: the read models are built again", epoch=epoch)

    async def _to_head(self, beat: Heartbeat) -> bool:
        """False when the log was another one than the one that was folded so far."""
        pages = self._feed.pages(await self._start(), self._batch_events)
        async with aclosing(pages):
            async for page in pages:
                if await self._other_epoch(page):
                    await self.forget(page.epoch)
                    return False
                await self._prepare(page)
                if page.deliveries:
                    await self._taking.take(page.deliveries, told=False)
                await self._move(page)
                beat.beat()
                await self._lease.renew()
                await self._pace(page)
                if page.last:
                    _log.info("caught up", position=page.next_after)
        return True

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

    async def _move(self, page: Page) -> None:
        """Every partition has everything up to here: the feed is the whole log.

        Screens heard nothing of it, so they load again once it is whole (protocols.md 5).
        """
        follow_from = page.asked_at - _MARGIN if page.last else None
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
            if page.last:
                await self._project.reset(conn, page.asked_at)
