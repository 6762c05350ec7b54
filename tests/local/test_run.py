"""The whole system under its supervisor: it starts, heals, ends, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local.installation import SIMULATOR
from deploy.local.places import Places
from deploy.local.process import end_leftovers
from deploy.local.topology import Topology
from tests.local.support import processes_of
from tests.support.stack import scratch_places
from tests.support.waiting import block_until

pytestmark = pytest.mark.timeout(600)
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 240.0

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def places() -> Iterator[Places]:
    with scratch_places() as made:
        yield made
        end_leftovers(made)


@pytest.fixture
def start(places: Places) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "GUICHE_RUN_DIR": str(places.run),
        "GUICHE_SIMULATE": "0",
    }

    def run() -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "services", "run"],
            cwd=_ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        started.append(process)
        block_until(places.environment.exists, _START_SECONDS)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def _public(places: Places) -> dict[str, str]:
    lines = places.environment.read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _ready(url: str) -> bool:
    with suppress(OSError):
        return urllib.request.urlopen(f"{url}/ready", timeout=5).status == 200  # noqa: S310
    return False


def test_all_that_is_killed_comes_back_and_a_stop_leaves_nothing(
    places: Places, start: Start
) -> None:
    supervisor = start()
    api = _public(places)["GUICHE_API"]
    assert _ready(api)

    for name in (*Topology().instances, SIMULATOR, "postgres", "kafka"):
        before = int(places.pid(name).read_text())
        os.kill(before, signal.SIGKILL)
        block_until(lambda name=name, before=before: int(places.pid(name).read_text()) != before)
    block_until(lambda: _ready(api), 60)

    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert processes_of(places.run) == {}
    assert list(places.run.glob("*.pid")) == []


def test_a_supervisor_killed_with_9_leaves_nothing_and_the_next_start_works(
    places: Places, start: Start
) -> None:
    supervisor = start()
    before = _public(places)
    assert len(processes_of(places.run)) > len(Topology().instances)

    supervisor.kill()
    supervisor.wait()
    block_until(lambda: processes_of(places.run) == {})
    places.environment.unlink()
    start()

    assert _public(places) == before
    assert _ready(before["GUICHE_API"])


def test_a_second_run_in_the_same_folder_is_refused(places: Places, start: Start) -> None:
    start()

    second = subprocess.run(
        [sys.executable, "-m", "services", "run"],
        cwd=_ROOT,
        env={**os.environ, "GUICHE_RUN_DIR": str(places.run)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 1
    assert "already running" in second.stderr
