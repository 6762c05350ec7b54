"""Fires due timers: each is leased, committed, then given to its session (protocols.md 6).

The step deletes the row; when another step did so before, the id is stale. The lease of a process
that dies runs out, and the timer is due again.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from services.bot.domain.inputs import TimerDue
from services.bot.handlers.ports import Due, Store
from services.bot.handlers.sessions import Sessions, committed
from shared.plumbing import logs, metrics
from shared.plumbing.failpoints import FAILPOINTS, hit
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import TRANSIENT, Pool
from shared.plumbing.timer_failures import TimerFailures

_AT_ONCE: Final = 8  # sessions, so that none waits for another
_failed = metrics.counter("bot_timer_failures", "Timers of flows that failed: tried again")
logs.allow("session")
_log = logs.get(__name__)

FAILPOINTS.update({"bot.timer_leased"})


class Timers:
    """Fires what is due."""

    def __init__(
        self,
        pool: Pool,
        store: Store,
        sessions: Sessions,
        outbox: Outbox,
        failures: TimerFailures,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._store = store
        self._sessions = sessions
        self._outbox = outbox
        self._failures = failures
        self._now = now

    async def fire(self, beat: Heartbeat) -> None:
        """A body for Loops: until nothing is due. Raises an ExceptionGroup of transient errors."""
        while found := await self._store.lease(self._now(), _AT_ONCE):
            hit("bot.timer_leased")
            async with asyncio.TaskGroup() as group:
                for due in found:
                    group.create_task(self._fire(due))
            beat.beat()

    async def _fire(self, due: Due) -> None:
        try:
            async with self._pool.connection() as conn:
                await self._sessions.take(conn, due.session_id, TimerDue(due.timer_id))
        except TRANSIENT:
            raise
        except Exception as error:  # noqa: BLE001  the others must not wait for this one
            _failed.inc()
            _log.error("timer failed", session=str(due.session_id), exc_info=True)
            await self._failures.note(due.timer_id, error)
            return
        committed()
        self._outbox.wake.set()
