"""`guiche top`: what does each process do now? A table that refreshes, as `top` does."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

import aiohttp
from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.local.addresses import processes
from deploy.local.reports import Report, reports

_HTTP_SECONDS: Final = 5.0
_MEGABYTE: Final = 1_000_000
_LATE_SECONDS: Final = 5.0
_TAKEN: Final = (
    "guiche_consumer_handled_total",
    "guiche_events_folded_total",
    "guiche_ingest_items_total",
)
_MADE: Final = ("guiche_published_total", "guiche_outbound_outcomes_total")
_LAGS: Final = {
    "guiche_consumer_lag_seconds": "topic",
    "guiche_projection_lag_seconds": "",
    "guiche_relay_oldest_unpublished_seconds": "",
    "guiche_outbound_oldest_seconds": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One process; rates are since the look before, None at the first one."""

    process: str
    state: str
    up_seconds: float | None
    restarts: int  # that were seen since `top` began
    taken_per_second: float | None
    made_per_second: float | None
    cpu_percent: float | None
    memory_megabytes: float
    lag_seconds: float
    parked: int


@dataclass(slots=True)
class Watching:
    """Looks again and again; keeps what rates and restarts are counted from."""

    _reports: Mapping[str, Report] = field(default_factory=dict[str, Report])
    _at: float = 0.0
    _starts: dict[str, set[float]] = field(default_factory=dict[str, set[float]])

    async def look(self, http: aiohttp.ClientSession) -> list[Line]:
        """A line for each process that the environment names."""
        found = await reports(http, processes())
        now = monotonic()
        lines = [self._line(name, report, now - self._at) for name, report in found.items()]
        self._reports, self._at = found, now
        return lines

    def _line(self, name: str, report: Report, seconds: float) -> Line:
        started = report.total("process_start_time_seconds")
        starts = self._starts.setdefault(name, set())
        if started:
            starts.add(started)
        before = self._reports.get(name, Report())
        again = before.total("process_start_time_seconds") == started != 0

        def rate(*metrics: str) -> float | None:
            """Counters begin with nothing when a process does."""
            if not again:
                return None
            grown = sum(report.total(metric) - before.total(metric) for metric in metrics)
            return grown / max(seconds, 0.001)

        cpu = rate("process_cpu_seconds_total")
        return Line(
            process=name,
            state=_state(report),
            up_seconds=time() - started if started else None,
            restarts=max(0, len(starts) - 1),
            taken_per_second=rate(*_TAKEN),
            made_per_second=rate(*_MADE),
            cpu_percent=None if cpu is None else 100 * cpu,
            memory_megabytes=report.total("process_resident_memory_bytes") / _MEGABYTE,
            lag_seconds=_lag(report),
            parked=int(report.total("guiche_parked")),
        )


async def looks(every_seconds: float) -> AsyncGenerator[list[Line]]:
    """Looks without end."""
    watching, timeout = Watching(), aiohttp.ClientTimeout(total=_HTTP_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        while True:
            yield await watching.look(http)
            await asyncio.sleep(every_seconds)


async def show(console: Console, every_seconds: float, times: int | None) -> None:
    """Refresh a table until the terminal's user has seen enough, or so many times."""
    shown = 0
    with Live(console=console, auto_refresh=False) as live:
        async for lines in looks(every_seconds):
            live.update(table(lines), refresh=True)
            shown += 1
            if shown == times:
                return


def table(lines: list[Line]) -> Table:
    """As a person reads it: what needs a look stands out."""
    grid = Table(box=None, header_style="bold")
    grid.add_column("process")
    grid.add_column("state")
    for title in ("up", "restarts", "in/s", "out/s", "lag s", "parked", "CPU %", "MB"):
        grid.add_column(title, justify="right")
    for line in lines:
        grid.add_row(
            line.process,
            line.state if line.state == "ready" else f"[red]{line.state}[/]",
            _lasting(line.up_seconds),
            _loud(line.restarts, limit=0),
            _number(line.taken_per_second),
            _number(line.made_per_second),
            _loud(round(line.lag_seconds, 1), limit=_LATE_SECONDS),
            _loud(line.parked, limit=0),
            _number(line.cpu_percent),
            f"{line.memory_megabytes:.0f}",
        )
    return grid


def _state(report: Report) -> str:
    if not report.answered:
        return "does not answer"
    return f"waits for {', '.join(report.waiting_for)}" if report.waiting_for else "ready"


def _lag(report: Report) -> float:
    ages = (
        seconds
        for metric, label in _LAGS.items()
        for seconds in report.by_label(metric, label).values()
    )
    return max(ages, default=0.0)


def _lasting(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _loud(value: float, *, limit: float) -> str:
    return f"[red]{value}[/]" if value > limit else str(value)
