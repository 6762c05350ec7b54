"""Named places where a test may kill, fail or delay this process, if FAILPOINT is set.

`FAILPOINT=<name>:<action>[@<hit>]`; actions `kill`, `raise`, `delay` or `delay=<seconds>`; the hit
counts from 1 (default). Modules that place one add its name to FAILPOINTS: a sweep finds them all.
"""

import os
import signal
import time
from dataclasses import dataclass
from typing import Final

FAILPOINTS: Final[set[str]] = set()
_DELAY_SECONDS: Final = 5.0


class FailpointError(Exception):
    """Raised by the action `raise`."""


class BadFailpointError(ValueError):
    """FAILPOINT cannot be read."""


@dataclass(slots=True)
class _Armed:
    name: str
    action: str
    seconds: float
    left: int


def _parse(spec: str) -> _Armed | None:
    if not spec:
        return None
    name, _, rest = spec.partition(":")
    action, _, hit = rest.partition("@")
    action, _, seconds = action.partition("=")
    if action not in {"kill", "raise", "delay"} or (hit and not hit.isdigit()):
        raise BadFailpointError(spec)
    return _Armed(name, action, float(seconds or _DELAY_SECONDS), int(hit or 1))


_armed = _parse(os.environ.get("FAILPOINT", ""))


def arm(spec: str) -> None:
    """Arm (or, with an empty text, disarm) this process; the environment arms it at start."""
    global _armed  # noqa: PLW0603  one process has one failpoint
    _armed = _parse(spec)


def hit(name: str) -> None:
    """Act if this is the armed place and its count is reached."""
    if _armed is None or _armed.name != name:
        return
    _armed.left -= 1
    if _armed.left == 0:
        _act(_armed)


def _act(armed: _Armed) -> None:
    if armed.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if armed.action == "raise":
        raise FailpointError(armed.name)
    time.sleep(armed.seconds)  # blocks on purpose: a test asks for a process that stands still
