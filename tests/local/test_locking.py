"""One run per folder; a stop from outside returns when it is gone."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.local.locking import AlreadyRunningError, sole_supervisor, stop_supervisor
from deploy.local.places import Places
from tests.support.stack import scratch_places
from tests.support.waiting import block_until

_HOLDER = """
import signal, sys, time
from pathlib import Path
from deploy.local.locking import sole_supervisor
from deploy.local.places import Places
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    with sole_supervisor(Places(Path(sys.argv[1]))):
        print("held", flush=True)
        signal.pause()  # holds it until the test ends this process
finally:
    time.sleep(0.5)  # the slow end is what the test is about: a stop must wait for it
"""


@pytest.fixture
def places() -> Iterator[Places]:
    with scratch_places() as made:
        yield made


@pytest.fixture
def holder(places: Places) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(places.run)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_folder_that_is_held_is_refused_with_the_pid(
    places: Places, holder: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(AlreadyRunningError, match=str(holder.pid)), sole_supervisor(places):
        pass


def test_a_hold_ends_with_its_process_however_it_dies(
    places: Places, holder: "subprocess.Popen[bytes]"
) -> None:
    holder.kill()
    block_until(lambda: holder.poll() is not None)

    with sole_supervisor(places):
        pass


def test_a_stop_returns_when_the_process_is_gone(
    places: Places, holder: "subprocess.Popen[bytes]"
) -> None:
    assert stop_supervisor(places)

    assert holder.poll() == 0


def test_nothing_that_runs_is_nothing_to_stop(places: Places) -> None:
    assert not stop_supervisor(places)
