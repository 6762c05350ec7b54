"""How does work that never ends stay alive? Supervised loops with a heartbeat; a lease when one may run."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from shared.plumbing import logs, metrics

_FIRST_BACKOFF_SECONDS: Final = 0.2
_LONGEST_BACKOFF_SECONDS: Final = 5.0
_LEAST_PATIENCE_SECONDS: Final = 30.0
_INTERVALS_OF_PATIENCE: Final = 10

_failures = metrics.counter("loop_failures", "Loop bodies that raised and were restarted", ["loop"])
_log = logs.get(__name__)


@dataclass(slots=True)
class Heartbeat:
    """The sign of life of one loop."""

    at: float = field(default_factory=monotonic)

    def beat(self) -> None:
        """Say that the loop is alive; bodies that run long call it as they go."""
        self.at = monotonic()


type Body = Callable[[Heartbeat], Awaitable[None]]


@dataclass(slots=True)
class _Loop:
    name: str
    body: Body
    interval_seconds: float
    wake: asyncio.Event | None
    heartbeat: Heartbeat = field(default_factory=Heartbeat)

    @property
    def patience_seconds(self) -> float:
        return max(_LEAST_PATIENCE_SECONDS, _INTERVALS_OF_PATIENCE * self.interval_seconds)


class Loops:
    """The loops of one process."""

    def __init__(self) -> None:
        self._loops: list[_Loop] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(
        self, name: str, body: Body, *, interval_seconds: float, wake: asyncio.Event | None = None
    ) -> None:
        """Call `body` again each time `interval_seconds` after it returned, or at once when `wake` is set.

        A body that raises is logged, counted and called again with backoff. A body that never returns
        beats by itself.
        """
        self._loops.append(_Loop(name, body, interval_seconds, wake))

    async def start(self) -> None:
        """Start every loop."""
        for loop in self._loops:
            loop.heartbeat.beat()
            self._tasks.append(asyncio.create_task(_supervise(loop), name=loop.name))

    async def stop(self) -> None:
        """Cancel every loop and wait until all have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def stale(self) -> list[str]:
        """The loops without a sign of life for ten of their intervals (30 seconds at least)."""
        now = monotonic()
        return [
            loop.name for loop in self._loops if now - loop.heartbeat.at > loop.patience_seconds
        ]


async def _supervise(loop: _Loop) -> None:
    backoff = _FIRST_BACKOFF_SECONDS
    while True:
        started = monotonic()
        try:
            if loop.wake is not None:
                loop.wake.clear()  # before the work: what comes during it wakes the next turn
            await loop.body(loop.heartbeat)
            loop.heartbeat.beat()
        except Exception:  # noqa: BLE001  a loop survives whatever its body raises
            _failures.labels(loop=loop.name).inc()
            _log.warning("loop failed", loop=loop.name, exc_info=True)
            if monotonic() - started > _LONGEST_BACKOFF_SECONDS:
                backoff = _FIRST_BACKOFF_SECONDS
            await asyncio.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311  jitter
            backoff = min(backoff * 2, _LONGEST_BACKOFF_SECONDS)
        else:
            backoff = _FIRST_BACKOFF_SECONDS
            await _rest(loop)


async def _rest(loop: _Loop) -> None:
    if loop.wake is None:
        await asyncio.sleep(loop.interval_seconds)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(loop.wake.wait(), loop.interval_seconds)
