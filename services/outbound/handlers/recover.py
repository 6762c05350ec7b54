"""Mark the sends of a dead worker as unknown; they are never sent again (D8)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.outbound.domain import fate
from services.outbound.domain.queue_row import Kind
from services.outbound.handlers.ports import Store, Work
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat

_MOST: Final = 500


class ReplacedError(Exception):
    """Another process has this instance's name: this one sends nothing more, and looks unwell."""


_abandoned = metrics.counter("outbound_abandoned", "Rows found in the hands of a dead worker")
_log = logs.get(__name__)


class Recover:
    """The sign of life of this process, and the look after the others'."""

    def __init__(
        self, store: Store, *, instance: str, session: UUID, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._instance = instance
        self._session = session
        self._now = now
        self._begun = False

    async def look(self, beat: Heartbeat) -> None:
        """A body for Loops, and once before anything is sent."""
        while await self._some() == _MOST:
            beat.beat()

    async def _some(self) -> int:
        now = self._now()
        async with self._store.begin() as work:
            await self._show_life(work)
            rows = await work.abandoned(_MOST)
            await work.save(
                [
                    fate.unknown(row, "restart", now)
                    if row.kind is Kind.SEND
                    else fate.again(row, now, timedelta(0), "restart", refused_by_meta=False)
                    for row in rows
                ]
            )
        self._begun = True
        if rows:
            _abandoned.inc(len(rows))
            _log.warning("outcome unknown after a restart", count=len(rows))
        return len(rows)

    async def _show_life(self, work: Work) -> None:
        if not self._begun:
            await work.begin_session(self._instance, self._session)
        elif not await work.alive(self._session):
            raise ReplacedError(self._instance)
