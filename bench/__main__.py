"""`make bench`: every row several times; its median, its spread, and that of another commit.

`python -m bench [--rows accept,way] [--times 3] [--base COMMIT]`. With `--base` the rows of both
commits run in turn (A B A B) on the same machine. A row that prints nothing is an error.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import NoReturn

from bench.lines import Line, Series, series_of
from bench.rows import ROWS
from bench.sides import Side, sides
from deploy.local.places import Places
from deploy.local.servers import start_servers
from tests.support.checkout import NoSuchCommitError, NotInstalledError

TIMES = 3
HEADER = "row | ours, median | against its floor | spread | bar"
COMPARED = "row | this checkout | {base} | worse by | spread of each"


@contextmanager
def servers() -> Generator[Mapping[str, str]]:
    """Both servers, durable, as the environment variables that name them."""
    folder = Path(tempfile.mkdtemp(prefix="guiche-bench-"))
    folder.chmod(0o711)
    started = start_servers(Places(folder), durable=True)
    try:
        started.wait()
        yield {
            "DATABASE_URL": started.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": started.bootstrap,
        }
    finally:
        started.stop()
        rmtree(folder)


def chosen(words: str) -> Mapping[str, str]:
    """The rows with one of these words in the name of their module; raises SystemExit."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    unknown = [word for word in wanted if not any(word in module for module in ROWS.values())]
    if unknown:
        known = ", ".join(module.removeprefix("bench.") for module in ROWS.values())
        sys.exit(f"no row has {', '.join(unknown)} in its name; there are: {known}")
    return {
        name: module
        for name, module in ROWS.items()
        if not wanted or any(word in module for word in wanted)
    }


def in_turns(
    module: str, over: Sequence[Side], environment: Mapping[str, str], times: int
) -> list[Mapping[str, Series]]:
    """The rows of each side, which run one after another, so many times."""
    runs: list[list[Sequence[Line]]] = [[] for _ in over]
    for _ in range(times):
        for side, found in zip(over, runs, strict=True):
            found.append(side.run(module, environment))
    return [series_of(found) for found in runs]


def show(found: Sequence[Mapping[str, Series]]) -> None:
    """Print the rows of one module, alone or beside those of the other commit."""
    ours, *others = found
    for name, series in ours.items():
        if others:
            print(compared(series, others[0].get(name)))
        else:
            print(alone(series))
    sys.stdout.flush()


def alone(series: Series) -> str:
    """A row of one commit."""
    verdict = "" if series.reached else "  MISSED"
    middle = sorted(series.ours)[len(series.ours) // 2]
    bar = f"{series.sense} {series.bar:g}{verdict}"
    return f"{series.name} | {middle:,.6g} | {series.value:.3g} | {series.spread:.0f} % | {bar}"


def compared(series: Series, base: Series | None) -> str:
    """A row of two commits."""
    if base is None:
        return f"{series.name} | {series.value:.3g} | not in base | |"
    spread = f"{series.spread:.0f} %, {base.spread:.0f} %"
    worse = f"{series.worse_than(base):+.0f} %"
    return f"{series.name} | {series.value:.3g} | {base.value:.3g} | {worse} | {spread}"


def run(rows: Mapping[str, str], base: str | None, times: int) -> list[str]:
    """Print all rows; the names of those that are missing."""
    missing: list[str] = []
    with sides(base) as over, servers() as environment:
        print(HEADER if base is None else COMPARED.format(base=base), flush=True)
        for name, module in rows.items():
            found = in_turns(module, over, environment, times)
            if not found[0]:
                missing.append(name)
                print(f"{name} | MISSING ({module})", flush=True)
            show(found)
    return missing


def ended(number: int, _frame: object) -> NoReturn:
    """End in order on a signal: temporary folders and servers go, too."""
    sys.exit(128 + number)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="", help="words in the names of modules, by comma")
    parser.add_argument("--base", default=None, help="a commit to compare with")
    parser.add_argument("--times", type=int, default=TIMES, help="runs of each row")
    given = parser.parse_args()
    try:
        absent = run(chosen(given.rows), given.base or None, given.times)
    except (NoSuchCommitError, NotInstalledError) as error:
        sys.exit(str(error))
    sys.exit(f"missing rows: {', '.join(absent)}" if absent else 0)


if __name__ == "__main__":
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("KAFKA_BOOTSTRAP_SERVERS", None)
    signal.signal(signal.SIGTERM, ended)
    main()
