"""Fold the feed to its head: how a model that is new, or far behind, reaches what Kafka has."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Final

from services.projections.domain.positions import Checkpoint
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.ports import LogFeed, Page
from services.projections.handlers.project import Project
from services.projections.storage import checkpoints
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import logs
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.postgres import Pool

BATCH_EVENTS: Final = (
    2_000  # folded within the 5 s that a transaction may idle, on a busy machine too
)
# Records have the time of the relay's machine, which may be ten minutes slow (reliability.md F18);
# what is read once more is dropped by its log id.
_MARGIN: Final = timedelta(minutes=15)
_log = logs.get(__name__)

Pace = Callable[[Page], Awaitable[None]]
"""Called after each page is stored: tells how far it is, or holds it up."""


async def full_speed(_: Page) -> None:
    """No pause."""


class CatchUp:
    """Folds the feed up to its head, then says from which instant on Kafka is read."""

    def __init__(
        self,
        pool: Pool,
        project: Project,
        processor: BatchProcessor,
        feed: LogFeed,
        lease: Lease,
        *,
        pace: Pace = full_speed,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        self._pool = pool
        self._processor = processor
        self._project = project
        self._feed = feed
        self._lease = lease
        self._pace = pace
        self._batch_events = batch_events

    async def ready(self) -> bool:
        """Whether every partition has a checkpoint to follow Kafka from."""
        async with self._pool.connection() as conn:
            known = await checkpoints.load(conn)
        return len(known) == TICKETS_EVENTS.partitions and all(
            each.followed for each in known.values()
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
            forgotten = await self._project.forget(conn, epoch)
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
                    await self._processor.process(page.deliveries, told=False)
                await self._move(page)
                beat.beat()
                await self._lease.renew()
                await self._pace(page)
                if page.last:
                    _log.info("caught up", position=page.next_after)
        return True

    async def _start(self) -> int:
        async with self._pool.connection() as conn:
            known = await checkpoints.load(conn)
        if len(known) < TICKETS_EVENTS.partitions:
            return 0
        return min(each.log_id for each in known.values())

    async def _other_epoch(self, page: Page) -> bool:
        async with self._pool.connection() as conn:
            known = await checkpoints.load(conn)
        return any(each.epoch < page.epoch for each in known.values())

    async def _prepare(self, page: Page) -> None:
        """A checkpoint for each partition, before anything is folded."""
        async with self._pool.connection() as conn:
            known = await checkpoints.load(conn)
            missing = set(range(TICKETS_EVENTS.partitions)) - set(known)
            await checkpoints.move(
                conn, [Checkpoint(number, page.epoch, 0) for number in sorted(missing)]
            )

    async def _move(self, page: Page) -> None:
        """Every partition has everything up to here: the feed is the whole log.

        Screens heard nothing of it, so they load again once it is whole (protocols.md 5).
        """
        follow_from = page.asked_at - _MARGIN if page.last else None
        async with self._pool.connection() as conn:
            known = await checkpoints.lock(conn, range(TICKETS_EVENTS.partitions))
            await checkpoints.move(
                conn,
                [
                    replace(
                        each,
                        log_id=max(each.log_id, page.next_after),
                        kafka_offset=None,
                        follow_from=follow_from,
                    )
                    for each in known.values()
                ],
            )
            if page.last:
                await self._project.reset(conn, page.asked_at)
