"""How much waits, for how long, and which numbers are held: measured for /metrics."""

from datetime import datetime
from typing import Final

from shared.plumbing import metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool

_STATES: Final = ("queued", "sending", "unknown")
_DEPTH: Final = """
SELECT state, count(*), min(coalesce(settled_at, queued_at)), clock_timestamp()
FROM queue WHERE state = 'queued' GROUP BY state
UNION ALL
SELECT state, count(*), min(coalesce(started_at, queued_at)), clock_timestamp()
FROM queue WHERE state = 'sending' GROUP BY state
UNION ALL
SELECT state, count(*), min(coalesce(settled_at, queued_at)), clock_timestamp()
FROM queue WHERE state = 'unknown' GROUP BY state
"""
_HOLDS: Final = "SELECT error_class, count(*) FROM hold GROUP BY error_class"
_ORPHANS: Final = "SELECT count(*) FROM orphan_status"

_depth = metrics.gauge("outbound_rows", "Rows that are not settled", ["state"])
_age = metrics.gauge("outbound_oldest_seconds", "Age of the oldest of these rows", ["state"])
_held = metrics.gauge("outbound_numbers_held", "Numbers that wait, by class", ["error_class"])
_orphans = metrics.gauge("outbound_orphan_statuses", "Statuses with our id but without a row")


class Gauges:
    """Looks at the tables every few seconds."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def measure(self, beat: Heartbeat) -> None:
        """A body for Loops."""
        async with self._pool.connection() as conn:
            depths = await (await conn.execute(_DEPTH)).fetchall()
            holds = await (await conn.execute(_HOLDS)).fetchall()
            orphans = await (await conn.execute(_ORPHANS)).fetchone()
        found = {state: (count, _seconds(oldest, now)) for state, count, oldest, now in depths}
        for state in _STATES:
            count, seconds = found.get(state, (0, 0.0))
            _depth.labels(state=state).set(count)
            _age.labels(state=state).set(seconds)
        counted = dict(holds)
        for error_class in ("W", "C"):
            _held.labels(error_class=error_class).set(counted.get(error_class, 0))
        _orphans.set(orphans[0] if orphans else 0)
        beat.beat()


def _seconds(oldest: datetime, now: datetime) -> float:
    return max(0.0, (now - oldest).total_seconds())
