"""A service waits for what is away, says so, ends when it cannot run, and stops in order."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import stamina
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from shared.plumbing.database import Database
from shared.plumbing.kafka import WrongPartitionsError
from shared.plumbing.loops import Heartbeat
from shared.plumbing.server import Failure
from shared.plumbing.service import Service
from shared.plumbing.settings import CommonSettings
from shared.plumbing.transient import TransientError

Start = Callable[[], Awaitable[None]]

CANNOT_RUN = """
import sys
from shared.plumbing.server import run
from shared.plumbing.service import Service
from shared.plumbing.settings import CommonSettings
from shared.plumbing.transient import FatalError

async def start():
    raise {error}

settings = CommonSettings()
service = Service("toy", settings, waits_for=("seed",))
run(service.app(start), settings, "toy")
"""


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    with stamina.set_testing(testing=True, attempts=10_000):
        yield


def toy(*waits_for: str, database: Database | None = None) -> Service:
    return Service("toy", CommonSettings(), waits_for=waits_for, database=database)


@asynccontextmanager
async def running(service: Service, start: Start) -> AsyncGenerator[AsyncClient]:
    app = FastAPI(lifespan=service.lifespan(start))
    service.mount(app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app=app), base_url="http://toy") as http,
    ):
        yield http


async def test_what_is_away_is_waited_for_and_ready_says_for_what_and_why() -> None:
    service, tried, there = toy("postgres", "seed"), asyncio.Event(), asyncio.Event()

    async def connect() -> str:
        tried.set()
        if not there.is_set():
            raise TransientError
        return "connected"

    async def start() -> None:
        assert await service.attempt("postgres", connect) == "connected"
        await service.arrival("seed", there)

    async with running(service, start) as http:
        await asyncio.wait_for(tried.wait(), 5)
        await _until(lambda: bool(service.health.reasons))
        answer = await http.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["waiting_for"] == ["postgres", "seed"]
        assert answer.json()["reasons"] == {"postgres": "TransientError"}
        there.set()
        await _until(lambda: not service.health.waits_for)
        assert (await http.get("/ready")).json() == {"ready": True, "waiting_for": []}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("FatalError('seed: SECTOR_NAME is not set')", "seed: SECTOR_NAME is not set"),
        ("ValueError('whatever it says may be personal')", None),
        ("__import__('asyncio').CancelledError", None),
    ],
)
def test_a_start_that_fails_for_good_is_logged_and_ends_the_process_with_1(
    error: str, told: str | None, tmp_path: Path
) -> None:
    script = tmp_path / "toy.py"
    script.write_text(CANNOT_RUN.replace("{error}", error))
    environment = {"PYTHONPATH": str(Path.cwd()), "PATH": "/usr/bin"}
    ended = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    (line,) = [line for line in lines if line["event"] == "cannot run"]
    assert (line["level"], line.get("reason")) == ("critical", told)
    assert line["error"]
    assert b"personal" not in ended.stderr


async def test_a_loop_that_cannot_go_on_ends_the_process_and_others_are_repeated() -> None:
    service, calls = toy(), asyncio.Queue[int]()

    async def wrong(_: Heartbeat) -> None:
        message = "inbound.events: 3 partitions, the registry says 24"
        raise WrongPartitionsError(message)

    async def fragile(_: Heartbeat) -> None:
        calls.put_nowait(1)
        raise ValueError

    async def start() -> None:
        service.loop("toy fragile", fragile)
        for _ in range(2):
            await calls.get()
        service.loop("wrong", wrong)  # starts at once, the others run already

    async with running(service, start):
        await _until(lambda: service.failure.happened)


async def test_parts_stop_in_the_order_in_which_one_needs_the_other() -> None:
    service, ended, begun = toy(), list[str](), asyncio.Event()

    async def forever(_: Heartbeat) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("loop")

    def stop(name: str) -> Callable[[], Awaitable[None]]:
        async def stopped() -> None:
            ended.append(name)
            if name == "sender":
                raise TransientError  # does not keep the store open

        return stopped

    async def start() -> None:
        service.at_stop(stop("store"))
        service.at_stop(stop("sender"))
        service.loop("forever", forever)

    async def run() -> None:
        async with running(service, start):
            await asyncio.wait_for(begun.wait(), 5)

    with pytest.raises(TransientError):
        await run()
    assert ended == ["loop", "sender", "store"]


async def test_the_end_of_a_process_that_still_waits_is_no_failure() -> None:
    service, begun = toy("never"), asyncio.Event()

    async def start() -> None:
        begun.set()
        await service.arrival("never", asyncio.Event())

    async with running(service, start):
        await asyncio.wait_for(begun.wait(), 5)
    assert not service.failure.happened


async def test_the_database_is_waited_for_until_the_migrations_have_run(database: str) -> None:
    parts = Database(database, "SELECT 1 FROM came_late", max_size=2)
    service = toy("postgres", database=parts)

    async with running(service, service.open_database) as http:
        await _until(lambda: service.health.reasons == {"postgres": "UndefinedTable"})
        async with parts.pool.connection() as conn:
            await conn.execute("CREATE TABLE came_late ()")
        await _until(lambda: not service.health.waits_for)
        assert parts.clock.known
        assert [loop.name for loop in service.loops.watched()] == ["clock"]
        assert (await http.get("/ready")).status_code == 200
    assert parts.pool.closed


async def test_a_service_without_a_database_cannot_open_one() -> None:
    service = toy("postgres")
    async with running(service, service.open_database):
        await _until(lambda: service.failure.happened)


def test_a_failure_before_the_server_is_there_ends_it_at_once() -> None:
    failure, ended = Failure(), list[str]()
    failure.happen()
    failure.then(lambda: ended.append("ended"))
    assert ended == ["ended"]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  a poll of plain state
            await asyncio.sleep(0.005)
