"""Does a run live in this folder already? A lock that ends with the process that holds it."""

import fcntl
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Final

from deploy.local.places import Places
from deploy.local.process import end_leftovers, runs

_STOP_SECONDS: Final = 30.0


class AlreadyRunningError(Exception):
    """Another supervisor holds this run folder."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"already running as process {pid}; `make stop` ends it")


@contextmanager
def sole_supervisor(places: Places) -> Generator[None]:
    """Hold the run folder; raises AlreadyRunningError."""
    places.make()
    with places.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(_holder(places)) from error
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def stop_supervisor(places: Places) -> bool:
    """End the run in this folder and whatever one left behind; whether there was one."""
    if not places.lock.exists():
        return False
    was_running = _is_held(places)
    if was_running:
        _end(places, signal.SIGTERM)
    if _is_held(places):
        _end(places, signal.SIGKILL)
    return bool(end_leftovers(places)) or was_running


def _end(places: Places, number: signal.Signals) -> None:
    """Signal the holder, and wait until it is gone, not only its hold."""
    holder = _holder(places)
    deadline = monotonic() + _STOP_SECONDS
    with suppress(ProcessLookupError):
        os.kill(holder, number)
    while runs(holder) and monotonic() < deadline:
        sleep(0.05)


def _is_held(places: Places) -> bool:
    with places.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _holder(places: Places) -> int:
    return int(places.lock.read_text())
