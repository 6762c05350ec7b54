"""Build a model beside the live one, out of the feed (D6).

Nobody reads it yet, so batches are large, screens hear nothing and what only readers need is made
at the end. There is no outbox here: a rebuild can send nothing. It may be killed at any point; the
next one goes on where the last stored batch ended.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final

from services.projections.domain.positions import behind
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.catch_up import BATCH_EVENTS, CatchUp
from services.projections.handlers.ports import LogFeed, Page
from services.projections.handlers.project import Project
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.read_models.read_model import Connection
from services.projections.storage import checkpoints, schemas
from services.projections.storage import models as catalog
from services.projections.storage.models import BehindLiveError, BusyError, Model
from shared.plumbing.failpoints import FAILPOINTS, hit
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.postgres import Pool

_LEASE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.5

FAILPOINTS.update({"projections.rebuild_after_batch"})


class TooManyModelsError(Exception):
    """SideTables the live model there is one that stands ready: drop it first."""


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is; `left` is None while nobody knows."""

    events: int  # folded by this process
    log_id: int
    head: int
    per_second: float
    left: timedelta | None
    paused: bool = False

    @property
    def percent(self) -> float:
        """Of the log, by ids."""
        return 100.0 if self.head == 0 else 100.0 * self.log_id / self.head


Tell = Callable[[RebuildProgress], None]


@dataclass(slots=True)
class Pace:
    """Tells how far it is after each batch; slows it down, holds it up while it is paused."""

    pool: Pool
    number: int
    tell: Tell
    most_per_second: float | None = None
    _events: int = 0
    _first: int | None = None
    _began: float = field(default_factory=monotonic)

    async def __call__(self, page: Page) -> None:
        """After a batch that is stored."""
        hit("projections.rebuild_after_batch")
        self._events += len(page.deliveries)
        if self._first is None:
            self._first = page.next_after - len(page.deliveries)
        self.tell(self._progress(page, paused=False))
        if self.most_per_second is not None:
            due = self._began + self._events / self.most_per_second
            await asyncio.sleep(max(0.0, due - monotonic()))
        await self._while_paused(page)

    async def _while_paused(self, page: Page) -> None:
        while await self._paused():
            self.tell(self._progress(page, paused=True))
            stopped = monotonic()
            await asyncio.sleep(_LOOK_SECONDS)
            self._began += monotonic() - stopped

    async def _paused(self) -> bool:
        async with self.pool.connection() as conn:
            return any(m.paused for m in await catalog.models(conn) if m.number == self.number)

    def _progress(self, page: Page, *, paused: bool) -> RebuildProgress:
        seconds = max(monotonic() - self._began, 1e-6)
        ids_per_second = (page.next_after - (self._first or 0)) / seconds
        left = timedelta(seconds=round((page.head - page.next_after) / max(ids_per_second, 1e-6)))
        return RebuildProgress(
            events=self._events,
            log_id=page.next_after,
            head=page.head,
            per_second=self._events / seconds,
            left=left if ids_per_second > 0 else None,
            paused=paused,
        )


async def unfinished(conn: Connection, read_models: ReadModels = READ_MODELS) -> int:
    """The model of this program's form that is being built, or a new one.

    Raises TooManyModelsError.
    """
    form = schemas.form(read_models)
    others = [each for each in await catalog.models(conn) if not each.live and each.form == form]
    begun = [model.number for model in others if model.state == "building"]
    if begun:
        return begun[0]
    if others:
        raise TooManyModelsError(others[0].number)
    return await catalog.begin(conn, read_models)


@dataclass(frozen=True, slots=True)
class ModelParts:
    """What folds one model in this process; `pool` stands at its tables."""

    pool: Pool
    project: Project
    processor: BatchProcessor
    read_models: ReadModels = READ_MODELS


async def rebuild(
    made: ModelParts,
    number: int,
    feed: LogFeed,
    instance: str,
    pace: Pace,
    *,
    batch_events: int = BATCH_EVENTS,
    beat: Heartbeat | None = None,
) -> None:
    """Fold the feed to its head and leave the model to the service; raises BusyError."""
    lease = Lease(made.pool, f"feed of model {number}", instance, _LEASE_SECONDS)
    catch_up = CatchUp(
        made.pool, made.project, made.processor, feed, lease, pace=pace, batch_events=batch_events
    )
    if not await catch_up.run(beat or Heartbeat()):
        raise BusyError
    async with made.pool.connection() as conn:
        await schemas.index(conn, number, made.read_models)
    async with made.pool.connection() as conn:
        await catalog.change(conn, number, "following", "building")


async def reached(pool: Pool, number: int, seconds: float) -> Model:
    """Wait until the model has what the live one has now; raises BehindLiveError."""
    deadline = monotonic() + seconds
    async with pool.connection() as conn:
        wanted = await checkpoints.of_model(conn, await catalog.live(conn))
    while True:
        async with pool.connection() as conn:
            late = behind(await checkpoints.of_model(conn, number), wanted)
            if not late:
                return await catalog.other(conn, number)
        if monotonic() > deadline:
            raise BehindLiveError(late)
        await asyncio.sleep(_LOOK_SECONDS)
