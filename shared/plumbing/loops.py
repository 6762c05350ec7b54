"""Loops that are supervised, and leases for those that only one process may run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, LiteralString, TypeAlias

from shared.plumbing import logs, metrics, tasks
from shared.plumbing.retrying import retry
from shared.plumbing.transient import FatalError

if TYPE_CHECKING:  # services without a database have loops, but no psycopg
    from shared.plumbing.postgres import Pool

_FIRST_BACKOFF_SECONDS: Final = 0.2
_LONGEST_BACKOFF_SECONDS: Final = 5.0
_LEAST_PATIENCE_SECONDS: Final = 30.0
_INTERVALS_OF_PATIENCE: Final = 10

# A lease that expires more than two lifetimes ahead was written before the clock moved back; take
# it over.
_ACQUIRE: Final = """
INSERT INTO lease AS held (name, holder, until)
VALUES (%(name)s, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE held.holder = excluded.holder OR held.until < clock_timestamp()
    OR held.until > excluded.until + make_interval(secs => %(seconds)s)
"""
_RENEW: Final = """
UPDATE lease SET until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE name = %(name)s AND holder = %(holder)s AND until >= clock_timestamp()
"""
_RELEASE: Final = "DELETE FROM lease WHERE name = %(name)s AND holder = %(holder)s"

_failures = metrics.counter("loop_failures", "Loop bodies that raised and were restarted", ["loop"])
_silence = metrics.gauge(
    "loop_heartbeat_age_seconds", "Since the last sign of life of a loop", ["loop"]
)
_patience = metrics.gauge(
    "loop_patience_seconds", "How old that may be before the loop counts as stuck", ["loop"]
)
_log = logs.get(__name__)


@dataclass(slots=True)
class Heartbeat:
    """The sign of life of one loop."""

    at: float = field(default_factory=monotonic)

    def beat(self) -> None:
        """Say that the loop is alive; bodies that run long call it as they go."""
        self.at = monotonic()


Body: TypeAlias = Callable[[Heartbeat], Awaitable[None]]


@dataclass(slots=True)
class WatchedLoop:
    """A loop and its last sign of life."""

    name: str
    body: Body
    interval_seconds: float
    wake: asyncio.Event | None
    heartbeat: Heartbeat = field(default_factory=Heartbeat)

    def silence_seconds(self) -> float:
        """Since the last sign of life."""
        return monotonic() - self.heartbeat.at

    @property
    def patience_seconds(self) -> float:
        return max(_LEAST_PATIENCE_SECONDS, _INTERVALS_OF_PATIENCE * self.interval_seconds)


class Loops:
    """The loops of one process. A FatalError of a body ends its loop and goes to `on_fatal`."""

    def __init__(self, *, on_fatal: Callable[[FatalError], None] | None = None) -> None:
        self._loops: list[WatchedLoop] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._running = False
        self._on_fatal = on_fatal

    def add(
        self, name: str, body: Body, *, interval_seconds: float, wake: asyncio.Event | None = None
    ) -> None:
        """Call `body`, and again `interval_seconds` after it returned, or when `wake` is set.

        A body that raises is logged, counted and called again with backoff. A body that never
        returns beats by itself. The loop starts with the others, or at once when those run.
        """
        loop = WatchedLoop(name, body, interval_seconds, wake)
        self._loops.append(loop)
        if self._running:
            self._begin(loop)

    async def start(self) -> None:
        """Start every loop."""
        self._running = True
        for loop in self._loops:
            self._begin(loop)

    def _begin(self, loop: WatchedLoop) -> None:
        loop.heartbeat.beat()
        _silence.labels(loop=loop.name).set_function(loop.silence_seconds)
        _patience.labels(loop=loop.name).set(loop.patience_seconds)
        self._tasks.append(asyncio.create_task(self._supervise(loop), name=loop.name))

    async def stop(self) -> None:
        """Cancel every loop and wait until all have ended."""
        self._running = False
        await tasks.end(*self._tasks)
        self._tasks.clear()
        for loop in self._loops:
            _silence.remove(loop.name)
            _patience.remove(loop.name)

    def watched(self) -> Sequence[WatchedLoop]:
        """Every loop."""
        return self._loops

    def stale(self) -> list[str]:
        """The loops without a sign of life for ten of their intervals (30 seconds at least)."""
        return [loop.name for loop in self._loops if loop.silence_seconds() > loop.patience_seconds]

    async def _supervise(self, loop: WatchedLoop) -> None:
        if self._on_fatal is None:
            await _repeat(loop, fatal=())
            return
        try:
            await _repeat(loop, fatal=(FatalError,))
        except FatalError as error:
            self._on_fatal(error)


async def _repeat(loop: WatchedLoop, *, fatal: tuple[type[FatalError], ...]) -> None:
    while True:
        done = await retry(
            partial(_turn, loop, fatal),
            (_FailedSoonError,),
            first_seconds=_FIRST_BACKOFF_SECONDS,
            longest_seconds=_LONGEST_BACKOFF_SECONDS,
        )
        if done:
            await _rest(loop)


async def _turn(loop: WatchedLoop, fatal: tuple[type[FatalError], ...]) -> bool:
    """Call the body; False when it failed late, after which it is called again at once.

    Raises _FailedSoonError when the next call has to wait.
    """
    started = monotonic()
    if loop.wake is not None:
        loop.wake.clear()  # before the work: what comes during it wakes the next turn
    try:
        await loop.body(loop.heartbeat)
    except fatal:
        raise
    except Exception as error:  # a loop survives whatever its body raises
        _failures.labels(loop=loop.name).inc()
        _log.warning("loop failed", loop=loop.name, exc_info=True)
        if monotonic() - started > _LONGEST_BACKOFF_SECONDS:
            return False
        raise _FailedSoonError from error
    loop.heartbeat.beat()
    return True


class _FailedSoonError(Exception):
    """The body of a loop raised before it had run for long."""


async def _rest(loop: WatchedLoop) -> None:
    if loop.wake is None:
        await asyncio.sleep(loop.interval_seconds)
        return
    with suppress(TimeoutError):  # not wait_for: in Python 3.11 it may swallow a cancellation
        async with asyncio.timeout(loop.interval_seconds):
            await loop.wake.wait()


class Lease:
    """A row of table `lease` (PLUMBING_SQL["lease"]).

    It makes two workers at once rare, not impossible: what must never be done twice needs a
    condition in the database as well (D4: a position is stored only over the old one).
    """

    def __init__(self, pool: "Pool", name: str, holder: str, seconds: float) -> None:
        self._pool = pool
        self._names = {"name": name, "holder": holder, "seconds": seconds}

    async def acquire(self) -> bool:
        """Take it when it is free, ours already, or over."""
        return await self._changed(_ACQUIRE)

    async def renew(self) -> bool:
        """Hold it for longer; false when it was lost."""
        return await self._changed(_RENEW)

    async def release(self) -> None:
        """Give it back, so that another need not wait."""
        await self._changed(_RELEASE)

    async def _changed(self, sql: LiteralString) -> bool:
        async with self._pool.connection() as conn:
            done = await conn.execute(sql, self._names)
            return done.rowcount == 1
