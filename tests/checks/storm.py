"""`make storm MINUTES=n`: all checks again and again, with other seeds and shapes, until one fails.

Kills, faults and their order are drawn from the seeds. A difference is printed with the command
that shows it again; the logs of that run are kept.
"""

import argparse
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Final

from rich.table import Table

from tests.checks.table import CONSOLE

CHECKS: Final = ("faults", "kill", "bot", "rebuild", "accept", "way", "upgrade")
_SHAPES: Final = ((1, 1), (1, 2), (3, 1), (3, 2))  # brokers, of each service
_SEEDS: Final = 1_000_000
_LONGEST_SECONDS: Final = 1_800.0
_SHOWN_LINES: Final = 40


@dataclass(frozen=True, slots=True)
class Round:
    """One check with everything that makes it the same again."""

    check: str
    seed: int
    brokers: int
    replicas: int

    def argv(self, *more: str) -> tuple[str, ...]:
        """How it is run."""
        shape = ("--brokers", str(self.brokers), "--replicas", str(self.replicas))
        module = f"tests.checks.{self.check}"
        return (sys.executable, "-m", module, "--seed", str(self.seed), *shape, *more)


def rounds(chance: random.Random) -> Iterator[Round]:
    """Every check in turn, in a shape and with a seed of chance."""
    for check in cycle(CHECKS):
        brokers, replicas = chance.choice(_SHAPES)
        yield Round(check, chance.randrange(_SEEDS), brokers, replicas)


def storm(minutes: float, seed: int) -> int:
    """How many checks ran without a difference in this time; raises SystemExit at the first."""
    CONSOLE.print(f"storm of {minutes:g} minutes, seed {seed}", highlight=False)
    deadline = monotonic() + 60 * minutes
    clean = 0
    with tempfile.TemporaryDirectory(prefix="guiche-storm-") as folder:
        for one in rounds(random.Random(seed)):  # noqa: S311  to be repeated, not to be secret
            _run(one, Path(folder) / str(clean))
            clean += 1
            if monotonic() > deadline:
                break
    return clean


def _run(one: Round, logs: Path) -> None:
    began = monotonic()
    done = subprocess.run(
        one.argv("--logs", str(logs)),
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
        check=False,
    )
    _tell(one, monotonic() - began, ok=done.returncode == 0)
    if done.returncode == 0:
        shutil.rmtree(logs, ignore_errors=True)
        return
    kept = Path(tempfile.mkdtemp(prefix="guiche-storm-logs-"))
    if logs.exists():
        shutil.copytree(logs, kept, dirs_exist_ok=True)
    said = (done.stdout + done.stderr).splitlines()
    CONSOLE.print("\n".join(said[-_SHOWN_LINES:]), markup=False, highlight=False)
    CONSOLE.print(f"again: {shlex.join(one.argv())}\nlogs: {kept}", markup=False, highlight=False)
    raise SystemExit(1)


def _tell(one: Round, seconds: float, *, ok: bool) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        f"check-{one.check}",
        f"seed {one.seed}",
        f"brokers {one.brokers}, of each {one.replicas}",
        f"{seconds:.0f} s",
        "ok" if ok else "[red]difference[/]",
    )
    CONSOLE.print(grid)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(_SEEDS))
    given = parser.parse_args()
    CONSOLE.print(f"{storm(given.minutes, given.seed)} checks, no difference", highlight=False)
