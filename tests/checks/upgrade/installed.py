"""A checkout that runs as an operator runs it: `guiche run` on a run folder, and its verbs."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg

from tests.checks.table import CONSOLE, DifferenceError
from tests.support.waiting import until

_READY_SECONDS: Final = 240.0
_STOP_SECONDS: Final = 120.0
_NOT_FROM_THE_SHELL: Final = frozenset(
    {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_PREFIX", "FAILPOINT", "VIRTUAL_ENV"}
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A checkout, the interpreter of its virtual environment, and the run folder it works on."""

    checkout: Path
    python: Path
    run: Path
    more: Mapping[str, str]  # environment variables, beside the shell's

    def environment(self) -> dict[str, str]:
        """Of all its processes."""
        shell = {k: v for k, v in os.environ.items() if k not in _NOT_FROM_THE_SHELL}
        own = {"GUICHE_RUN_DIR": str(self.run), "GUICHE_SIMULATE": "0"}
        return {**shell, **own, **self.more}


class Running:
    """What runs, and how a check reaches it from outside."""

    def __init__(
        self, installed: Installed, http: aiohttp.ClientSession, public: Mapping[str, str]
    ) -> None:
        self.installed = installed
        self.http = http
        self.public = public

    @property
    def api(self) -> str:
        """The gateway's address."""
        return self.public["GUICHE_API"]

    async def control(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Ask the simulator to do something."""
        url = f"{self.public['GUICHE_SIMULATOR']}/control/{path}"
        async with self.http.post(url, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def seen(self, path: str) -> Any:  # noqa: ANN401
        """What the simulator tells; None where it knows nothing."""
        url = f"{self.public['GUICHE_SIMULATOR']}/control/{path}"
        async with self.http.get(url) as answer:
            return await answer.json() if answer.status == 200 else None

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the administrator finds in the database."""
        url = self.public["DATABASE_URL"]
        conn = await psycopg.AsyncConnection.connect(url, autocommit=True)
        async with conn:
            return await (await conn.execute(statement.encode())).fetchall()

    async def verb(self, *words: str) -> tuple[int, str]:
        """How `guiche …` ends, and what it prints."""
        process = await asyncio.create_subprocess_exec(
            str(self.installed.python),
            "-m",
            "services",
            *words,
            cwd=self.installed.checkout,
            env=self.installed.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        return process.returncode or 0, said


@asynccontextmanager
async def running(installed: Installed, log: Path) -> AsyncGenerator[Running]:
    """Start it, wait until every process is ready, end it in order; its screen goes to `log`."""
    with log.open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            str(installed.python),
            "-m",
            "services",
            "run",
            cwd=installed.checkout,
            env=installed.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=screen,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        async with aiohttp.ClientSession() as http:
            public = await _public(installed, process, log)
            system = Running(installed, http, public)
            await until(
                lambda: _well(system), what="doctor is not well", seconds=_READY_SECONDS, pause=2.0
            )
            yield system
    finally:
        await _end(process)


async def doctor(system: Running) -> tuple[int, str]:
    """0 when every dependency, topic, migration and lease is as it should be."""
    return await system.verb("doctor")


async def _well(system: Running) -> bool:
    return (await doctor(system))[0] == 0


async def _public(
    installed: Installed, process: asyncio.subprocess.Process, log: Path
) -> Mapping[str, str]:
    file = installed.run / "guiche.env"

    async def written() -> Mapping[str, str] | None:
        if process.returncode is not None:
            said = await asyncio.to_thread(log.read_text)
            CONSOLE.print(said[-4000:], markup=False, highlight=False)
            what = f"guiche run ended with {process.returncode} in {installed.checkout}"
            raise DifferenceError(what)
        if not file.exists():
            return None
        pairs = (line.partition("=") for line in file.read_text().splitlines())
        return {name: value for name, _, value in pairs}

    return await until(written, what="guiche run is not up", seconds=_READY_SECONDS)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        raise
