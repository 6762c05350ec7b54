"""How is a model built beside the live one? Out of the feed, in a process of its own (D6).

Nobody reads it yet, so batches are large, screens hear nothing and what only readers need is made
at the end. There is no outbox here at all: a rebuild can send nothing. It may die at any point; the
next one goes on where the last stored batch ended.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final

from services.projections.adapters import pointer, store, tables
from services.projections.adapters.catching_up import BATCH_EVENTS, CatchingUp
from services.projections.adapters.feed import Feed, Page
from services.projections.adapters.parked import Held
from services.projections.adapters.pointer import Model
from services.projections.handlers.ports import Connection, State
from services.projections.handlers.project import Feed as ByStream
from services.projections.handlers.project import Project
from services.projections.handlers.taking import Taking
from shared.plumbing.failpoints import FAILPOINTS, hit
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.sealing import Sealer

_LEASE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.5
_SERVICE: Final = "projections"

FAILPOINTS.update({"projections.rebuild_after_batch"})


class TooManyModelsError(Exception):
    """Beside the live model there is one that stands ready: drop it first."""


@dataclass(frozen=True, slots=True)
class Progress:
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


Tell = Callable[[Progress], None]


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
            return any(m.paused for m in await pointer.models(conn) if m.number == self.number)

    def _progress(self, page: Page, *, paused: bool) -> Progress:
        seconds = max(monotonic() - self._began, 1e-6)
        ids_per_second = (page.next_after - (self._first or 0)) / seconds
        left = timedelta(seconds=round((page.head - page.next_after) / max(ids_per_second, 1e-6)))
        return Progress(
            events=self._events,
            log_id=page.next_after,
            head=page.head,
            per_second=self._events / seconds,
            left=left if ids_per_second > 0 else None,
            paused=paused,
        )


async def unfinished(conn: Connection) -> int:
    """The model that is being built, or a new one; raises TooManyModelsError."""
    others = [model for model in await pointer.models(conn) if not model.live]
    begun = [model.number for model in others if model.state == "building"]
    if begun:
        return begun[0]
    if others:
        raise TooManyModelsError(others[0].number)
    return await pointer.begin(conn)


@dataclass(frozen=True, slots=True)
class Parts:
    """What folding one model by hand needs; `pool` stands at its tables."""

    pool: Pool
    project: Project
    taking: Taking


def parts(url: str, number: int, feed: ByStream, sealer: Sealer, turn: State) -> Parts:
    """Without an outbox: whoever folds so tells nobody."""
    pool = make_pool(pointer.address(url, number), min_size=1, max_size=6)
    project = Project(pool, store, None, feed, turn=turn)
    return Parts(
        pool, project, Taking(project, Held(ParkedVersions(pool, sealer, _SERVICE), project))
    )


async def rebuild(
    made: Parts,
    number: int,
    feed: Feed,
    instance: str,
    pace: Pace,
    *,
    batch_events: int = BATCH_EVENTS,
) -> None:
    """Fold the feed to its head and leave the model to the service; raises BusyError."""
    lease = Lease(made.pool, f"feed of model {number}", instance, _LEASE_SECONDS)
    catching_up = CatchingUp(
        made.pool, made.project, made.taking, feed, lease, pace=pace, batch_events=batch_events
    )
    if not await catching_up.run(Heartbeat()):
        raise pointer.BusyError
    async with made.pool.connection() as conn:
        await tables.index(conn, number)
    async with made.pool.connection() as conn:
        await pointer.change(conn, number, "following", "building")


async def reached(pool: Pool, number: int, seconds: float) -> Model:
    """Wait until the model has what the live one has now; raises BehindLiveError."""
    deadline = monotonic() + seconds
    async with pool.connection() as conn:
        wanted = await pointer.places_of(conn, await pointer.live(conn))
    while True:
        async with pool.connection() as conn:
            late = pointer.behind(await pointer.places_of(conn, number), wanted)
            if not late:
                return await pointer.other(conn, number)
        if monotonic() > deadline:
            raise pointer.BehindLiveError(late)
        await asyncio.sleep(_LOOK_SECONDS)
