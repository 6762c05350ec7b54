"""Gauges: running sessions, and how late the oldest timer is."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from shared.plumbing import metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool

_LOOK: Final = """
SELECT (SELECT count(*) FROM session WHERE state = 'running'),
    (SELECT coalesce(extract(epoch FROM %s - min(due)), 0) FROM timer)
"""
_running = metrics.gauge("bot_sessions_running", "Sessions that have not ended")
_late = metrics.gauge("bot_timers_late_seconds", "Age of the oldest timer that is due; 0: none is")


class Gauges:
    """A body for Loops."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now

    async def measure(self, beat: Heartbeat) -> None:
        """Look once."""
        async with self._pool.connection() as conn:
            found = await (await conn.execute(_LOOK, (self._now(),))).fetchone()
        running, late = found or (0, 0.0)
        _running.set(running)
        _late.set(max(0.0, float(late)))
        beat.beat()
