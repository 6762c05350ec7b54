"""Follow every model of this program's form, each with its own loops."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from services.projections.adapters.kafka import Follower
from services.projections.storage import models as catalog
from services.projections.storage.models import Model
from shared.plumbing import logs
from shared.plumbing.loops import Heartbeat, Loops
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import Pool

_log = logs.get(__name__)


class ModelStandsStillError(Exception):
    """The loop of a model shows no sign of life: only a restart of the process helps."""


@dataclass(frozen=True, slots=True)
class FollowedModel:
    """What keeps one model up to date; `pool` stands at its tables."""

    pool: Pool
    loops: Loops
    follower: Follower
    parking: ParkedVersions

    def tell(self, *, live: bool) -> None:
        """Whether readers see the model: its lag, and what it could not take, are alarms then."""
        self.follower.live = self.parking.measured = live


class ModelSupervisor:
    """Starts the loops of models that appear, stops those of models that are gone or paused."""

    def __init__(self, pool: Pool, form: str, join: Callable[[int], FollowedModel]) -> None:
        self._pool = pool
        self._form = form
        self._join = join
        self._followed: dict[int, FollowedModel] = {}
        self.live_ready = asyncio.Event()

    async def look(self, beat: Heartbeat) -> None:
        """A body for Loops (each half second); raises ModelStandsStillError."""
        async with self._pool.connection() as conn:
            found = await catalog.models(conn)
        wanted = {model.number for model in found if model.follows and model.form == self._form}
        for number in self._followed.keys() - wanted:
            await self._end(number)
        for number in sorted(wanted - self._followed.keys()):
            await self._begin(number)
        self._tell(found)
        if stale := [n for n, one in self._followed.items() if one.loops.stale()]:
            raise ModelStandsStillError(stale)
        beat.beat()

    async def end(self) -> None:
        """Stop all of them."""
        for number in list(self._followed):
            await self._end(number)

    def _tell(self, found: list[Model]) -> None:
        for model in found:
            followed = self._followed.get(model.number)
            if followed is None:
                continue
            followed.tell(live=model.live)
            if model.live and followed.follower.ready.is_set():
                self.live_ready.set()

    async def _begin(self, number: int) -> None:
        followed = self._join(number)
        await followed.pool.open()
        await followed.loops.start()
        self._followed[number] = followed
        _log.info("model followed", model=number)

    async def _end(self, number: int) -> None:
        followed = self._followed.pop(number)
        await followed.loops.stop()
        await followed.pool.close()
        _log.info("model no longer followed", model=number)
