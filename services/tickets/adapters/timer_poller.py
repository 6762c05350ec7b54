"""Fires what is due: leased rows, one call of the handler each (design.md D12)."""

import asyncio
from collections.abc import Callable

from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.execution import CommandExecutor
from services.tickets.handlers.timers import TimerHandler
from services.tickets.settings import Settings
from services.tickets.storage.timers import Timer, TimerTable
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool
from shared.plumbing.service import Service

_fired = metrics.counter("timers_fired", "Timers that were handled, stale ones too", ["kind"])
_failed = metrics.counter("timer_failures", "Timers that failed: tried again", ["kind"])
_log = logs.get(__name__)


def start_timers(
    service: Service,
    settings: Settings,
    pool: Pool,
    executor: CommandExecutor,
    directory: DirectoryView,
    is_ready: Callable[[], bool],
) -> None:
    """Add the loops that fire timers, while `is_ready`, and measure those that fail."""
    table = TimerTable(pool, settings.timers_lease_seconds)
    poller = TimerPoller(table, TimerHandler(executor, directory, table), is_ready)
    service.loop("timers", poller.run, settings.timers_poll_seconds)
    service.loop("timer-failures", table.failures.measure, 5.0)


class TimerPoller:
    """`run` is the body of a loop; one that fails is tried again, ever more rarely."""

    def __init__(
        self, table: TimerTable, handler: TimerHandler, is_ready: Callable[[], bool]
    ) -> None:
        self._table = table
        self._handler = handler
        self._is_ready = is_ready

    async def run(self, beat: Heartbeat) -> None:
        """Fire what is due, until nothing is."""
        while self._is_ready() and (due := await self._table.lease_due()):
            await asyncio.gather(*(self._fire(timer) for timer in due))
            beat.beat()

    async def _fire(self, timer: Timer) -> None:
        try:
            await self._handler.fire(timer)
        except Exception as error:  # noqa: BLE001  whatever it is, the others are due too
            _failed.labels(kind=timer.kind).inc()
            _log.warning("timer failed", timer=timer.id, kind=timer.kind, exc_info=True)
            await self._table.failures.note(timer.id, error)
        else:
            _fired.labels(kind=timer.kind).inc()
