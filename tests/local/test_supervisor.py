"""Who dies is started again, later each time, and counted; who is ended stays ended."""

import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local.places import Places
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.process import Child, ProcessSpec, end_leftovers
from deploy.local.supervisor import Supervisor
from tests.local.support import processes_of
from tests.support.stack import scratch_places
from tests.support.waiting import block_until

_DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    signal.pause()  # until the test ends it
"""


@pytest.fixture
def places() -> Iterator[Places]:
    with scratch_places() as made:
        made.make()
        yield made
        end_leftovers(made)


def _server(name: str, port: int) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=(sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK),
        environment={"PATH": os.environ["PATH"]},
        folder=Path("/"),
    )


def _answers(port: int) -> bool:
    with suppress(OSError):
        urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", timeout=5).close()
        return True
    return False


def _pid(places: Places, name: str) -> int:
    return int(places.pid(name).read_text())


def test_a_killed_process_serves_again_and_the_restart_is_counted(places: Places) -> None:
    ports = {"one": free_port(), "two": free_port()}
    supervisor = Supervisor()
    supervisor.add(Child(_server(name, port), places) for name, port in ports.items())
    block_until(lambda: all(_answers(port) for port in ports.values()))
    first, neighbour = _pid(places, "one"), _pid(places, "two")

    os.kill(first, signal.SIGKILL)

    def back() -> bool:
        supervisor.look()
        return _pid(places, "one") != first and _answers(ports["one"])

    block_until(back)
    assert supervisor.restarts == {"one": 1, "two": 0}
    assert _pid(places, "two") == neighbour
    supervisor.stop(["one", "two"])
    assert processes_of(places.run) == {}


def test_what_dies_at_once_is_started_less_and_less_often(places: Places) -> None:
    spec = ProcessSpec(
        name="dying", argv=(sys.executable, "-c", ""), environment={}, folder=Path("/")
    )
    supervisor = Supervisor()
    supervisor.add([Child(spec, places)])

    def after(seconds: float) -> int:
        with suppress(AssertionError):
            block_until(lambda: bool(supervisor.look()), seconds)
        return supervisor.restarts["dying"]

    assert 2 <= after(2.0) <= 5


def test_a_process_that_ignores_its_stop_signal_is_killed(places: Places) -> None:
    spec = ProcessSpec(
        name="deaf",
        argv=(sys.executable, "-c", _DEAF),
        environment={},
        folder=Path("/"),
        stop_seconds=0.3,
    )
    supervisor = Supervisor()
    supervisor.add([Child(spec, places)])
    block_until(lambda: places.log("deaf").read_text() == "deaf\n")

    supervisor.stop(["deaf"])

    assert processes_of(places.run) == {}
