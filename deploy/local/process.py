"""How is a process started so that nothing of it stays when the one who started it dies?

Three nets: the kernel signals the child when its parent dies (Linux), each child is in a session
of its own, and carries the run's folder in its environment, by which the next start finds it.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from deploy.local.owner import group_of
from deploy.local.places import Places

MARK: Final = "GUICHE_RUN"
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
_STEP_SECONDS: Final = 0.02


def _write_whole(file: Path, text: str) -> None:
    """Who reads the file at this moment sees the old text or the new one, never half."""
    scratch = file.with_suffix(".pid.new")
    scratch.write_text(text)
    scratch.replace(file)


class StillRunningError(Exception):
    """A process is there although it was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to start and how to end it."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL  # what it gets when its parent dies
    stop_seconds: float = 10.0
    user: str | None = None  # another user to run as; only root can


class Child:
    """One process of this run: started, watched and ended by the process that made it."""

    def __init__(self, spec: ProcessSpec, places: Places) -> None:
        self.spec = spec
        self._places = places
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; the main thread must call (the kernel watches the thread that starts)."""
        spec = self.spec
        with self._places.log(spec.name).open("ab") as log:
            self._process = subprocess.Popen(
                spec.argv,
                env={**spec.environment, MARK: str(self._places.run)},
                cwd=spec.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_dies_with(os.getpid(), spec.orphan_signal),  # noqa: PLW1509  one thread
                user=spec.user,
                group=None if spec.user is None else group_of(spec.user),
                extra_groups=None if spec.user is None else (),
            )
        _write_whole(self._places.pid(spec.name), f"{self._process.pid}\n")

    @property
    def pid(self) -> int:
        """The process; LookupError when it was not started."""
        if self._process is None:
            raise LookupError(self.spec.name)
        return self._process.pid

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a crash would: kill -9."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def ask_to_stop(self) -> None:
        """Send its stop signal, and do not wait."""
        self._signal(self.spec.stop_signal)

    def stop(self) -> None:
        """End it in order; kill it when it takes longer than it may."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(self.spec.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._places.pid(self.spec.name).unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.alive():
            self._process.send_signal(number)


def end_leftovers(places: Places, seconds: float = 10.0) -> list[int]:
    """End what an earlier start of this run left behind; the pids that were found."""
    found = _marked(places)
    for pid in found:
        _send(pid, signal.SIGTERM)
    if not _gone(places, seconds):
        for pid in _marked(places):
            _send(pid, signal.SIGKILL)
        if not _gone(places, seconds):
            raise StillRunningError(_marked(places))
    for file in places.run.glob("*.pid"):
        file.unlink(missing_ok=True)
    return found


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended; one whose parent has not looked yet has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _marked(places: Places) -> list[int]:
    mark = f"{MARK}={places.run}".encode()
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def _gone(places: Places, seconds: float) -> bool:
    deadline = monotonic() + seconds
    while _marked(places):
        if monotonic() > deadline:
            return False
        sleep(_STEP_SECONDS)
    return True


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _dies_with(parent: int, number: signal.Signals) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def in_the_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before the kernel knew
            os.kill(os.getpid(), signal.SIGKILL)

    return in_the_child
