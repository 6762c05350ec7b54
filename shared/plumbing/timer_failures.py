"""Timers that fail (D12, D13): tried again for ever, ever more rarely, counted, shown, retried.

A table `timer` brings `due`, `attempts`, `next_attempt_at`, `last_error` and `leased_until`; who
leases its rows leaves out those whose next attempt is still to come.
"""

from typing import Final, LiteralString
from uuid import UUID

from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import TRANSIENT, Pool

# 2 s after the first failure, then twice as long each time, 5 minutes at most: nobody who waits for
# a timer is forgotten.
_NOTE: Final = """
UPDATE timer SET attempts = attempts + 1, leased_until = NULL, last_error = %s,
    next_attempt_at = clock_timestamp()
        + least(interval '1 s' * power(2, least(attempts + 1, 9)), '5 min')
WHERE """
_RETRY: Final = """
UPDATE timer SET next_attempt_at = NULL WHERE attempts > 0 AND """
_LOOK: Final = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due)), 0)
FROM timer WHERE attempts > 0
"""

_failing = metrics.gauge("timers_failing", "Timers that failed and are tried again")
_oldest = metrics.gauge("timers_failing_seconds", "How late the oldest of them is; 0: none is")
_log = logs.get(__name__)


class TimerFailures:
    """Of one table `timer`; `identity` is the column that names a timer."""

    def __init__(self, pool: Pool, identity: LiteralString) -> None:
        self._pool = pool
        self._note: LiteralString = f"{_NOTE}{identity} = %s"
        self._retry: LiteralString = f"{_RETRY}{identity} = %s"

    async def note(self, timer_id: UUID, error: Exception) -> None:
        """It failed: when it is tried next; if this cannot be stored, when its lease is over."""
        try:
            async with self._pool.connection() as conn:
                await conn.execute(self._note, (code_of(error), timer_id))
        except TRANSIENT:
            _log.warning("failure not noted", timer=timer_id)

    async def retry(self, timer_id: UUID) -> bool:
        """Try it at once; False: it did not fail, or is not there any more."""
        async with self._pool.connection() as conn:
            return (await conn.execute(self._retry, (timer_id,))).rowcount == 1

    async def measure(self, beat: Heartbeat) -> None:
        """A body for Loops."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute(_LOOK)).fetchone()
        count, seconds = row or (0, 0.0)
        _failing.set(count)
        _oldest.set(max(0.0, float(seconds)))
        beat.beat()


def code_of(error: Exception) -> str:
    """Its stable code, or its kind; never its words, which quote values."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__name__
