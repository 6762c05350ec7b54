"""What is settled is forgotten when no status can come for it any more, in small batches."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from services.outbound.handlers.ports import Store, Work
from shared.plumbing import metrics
from shared.plumbing.loops import Heartbeat

_MOST: Final = 500
_WINDOWS_KEPT: Final = timedelta(days=2)  # a window is closed a day after the customer wrote
_WORKERS_KEPT: Final = timedelta(days=1)

_forgotten = metrics.counter("outbound_forgotten", "Rows deleted when their time was over", ["of"])


class Forget:
    """Deletes what nobody will ask for; never what is queued, under way or unknown."""

    def __init__(self, store: Store, *, retention: timedelta, now: Callable[[], datetime]) -> None:
        self._store = store
        self._retention = retention
        self._now = now

    async def turn(self, beat: Heartbeat) -> None:
        """A body for Loops: each kind until nothing of it is left."""
        now = self._now()
        old = now - self._retention
        await self._all("send", lambda work: work.forget_settled(old, _MOST), beat)
        await self._all("upload", lambda work: work.forget_expired_uploads(old, _MOST), beat)
        await self._all("orphan", lambda work: work.forget_orphans(old, _MOST), beat)
        written = now - _WINDOWS_KEPT
        await self._all("window", lambda work: work.forget_heard(written, _MOST), beat)
        await self._all("pair", lambda work: work.forget_pairs(_MOST), beat)
        seen = now - _WORKERS_KEPT
        await self._all("worker", lambda work: work.forget_workers(seen, _MOST), beat)

    async def _all(self, of: str, some: Callable[[Work], Awaitable[int]], beat: Heartbeat) -> None:
        while True:
            async with self._store.begin() as work:
                count = await some(work)
            _forgotten.labels(of=of).inc(count)
            beat.beat()
            if count < _MOST:
                return
