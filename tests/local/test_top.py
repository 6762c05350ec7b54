"""`guiche top` counts what grows, sees a restart, and shows who does not answer."""

from collections.abc import AsyncIterator, Mapping
from io import StringIO

import aiohttp
import pytest
from aiohttp import web
from rich.console import Console

from deploy.local.top import Line, Watching, table

START = 1_764_000_000


class Process:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.samples: Mapping[str, float] = {}
        self.waiting: list[str] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/health", self._health)
        return app

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            text="".join(f"{name} {value}\n" for name, value in self.samples.items())
        )

    async def _ready(self, _: web.Request) -> web.Response:
        return web.json_response({"waiting_for": self.waiting})

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"stale": []})


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    made = Process()
    runner = web.AppRunner(made.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    for name in ("DIRECTORY_URLS", "PROJECTIONS_URLS", "GUICHE_API", "GUICHE_WEBHOOK", "BOT_URLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TICKETS_URLS", f"http://{host}:{port}")
    monkeypatch.setenv("OUTBOUND_URLS", "http://127.0.0.1:1")
    yield made
    await runner.cleanup()


async def test_a_process_that_works_and_one_that_is_away(process: Process) -> None:
    watching = Watching()
    async with aiohttp.ClientSession() as http:
        process.samples = _samples(handled=10)
        first = await watching.look(http)
        process.samples = _samples(handled=40)
        second = await watching.look(http)

    tickets, outbound = second
    assert (first[0].taken_per_second, first[0].restarts) == (None, 0)
    assert tickets.taken_per_second is not None
    assert tickets.taken_per_second > 0
    assert (tickets.state, tickets.lag_seconds, tickets.parked) == ("ready", 7.0, 2)
    assert outbound.state == "does not answer"


async def test_a_restart_is_seen_and_its_counters_begin_anew(process: Process) -> None:
    watching = Watching()
    async with aiohttp.ClientSession() as http:
        process.samples = _samples(handled=100)
        await watching.look(http)
        process.samples = _samples(handled=1, start=START + 60)
        process.waiting = ["kafka"]
        line = (await watching.look(http))[0]

    assert (line.restarts, line.taken_per_second) == (1, None)
    assert line.state == "waits for kafka"


def test_the_table_says_what_needs_a_look() -> None:
    line = Line(
        process="tickets-1",
        state="waits for kafka",
        up_seconds=3725,
        restarts=2,
        taken_per_second=None,
        made_per_second=12.34,
        cpu_percent=50.0,
        memory_megabytes=98.7,
        lag_seconds=61.0,
        parked=3,
    )
    written = StringIO()
    Console(file=written, width=120).print(table([line]))
    row = written.getvalue().splitlines()[1].split()
    assert row == [
        "tickets-1",
        "waits",
        "for",
        "kafka",
        "1:02:05",
        "2",
        "-",
        "12.3",
        "61.0",
        "3",
        "50.0",
        "99",
    ]


def _samples(handled: int, start: int = START) -> Mapping[str, float]:
    return {
        "guiche_consumer_handled_total": handled,
        'guiche_consumer_lag_seconds{topic="inbound.events"}': 7.0,
        "guiche_parked": 2,
        "process_start_time_seconds": start,
        "process_resident_memory_bytes": 98_000_000,
    }
