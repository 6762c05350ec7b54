"""What every row shares: servers, a database of its own, interleaved rounds, and how it is printed.

Ratios only: floor and ours run in one process and one run, in turns; medians of the rounds.
"""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal
from uuid import uuid4

import psycopg
import uvloop
from psycopg import sql

from deploy.local.kept import kept
from deploy.local.places import Places
from deploy.local.ports import kept_ports
from deploy.local.postgres import at_database, prepare_postgres, wait_for_postgres
from deploy.local.process import Child
from deploy.postgres.job import apply, service_url

HEADER = "row | floor | ours | ratio | bar"


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `ratio` against `bar`: at least (a rate) or at most (a cost, a count of faults)."""

    name: str
    floor: float
    ours: float
    bar: float
    sense: Literal[">=", "<="] = ">="
    ratio: float | None = None  # ours / floor when absent

    @property
    def value(self) -> float:
        return self.ours / self.floor if self.ratio is None else self.ratio

    @property
    def reached(self) -> bool:
        return self.value >= self.bar if self.sense == ">=" else self.value <= self.bar

    def line(self) -> str:
        verdict = "" if self.reached else "  MISSED"
        return (
            f"{self.name} | {self.floor:,.6g} | {self.ours:,.6g} | {self.value:.2f} |"
            f" {self.sense} {self.bar:g}{verdict}"
        )


def show(rows: Sequence[Row]) -> None:
    """Print the table of one file."""
    print(HEADER)
    for row in rows:
        print(row.line())
    sys.stdout.flush()


@contextmanager
def postgres() -> Generator[str]:
    """An admin's address: DATABASE_URL's server, or a durable one for as long as the block."""
    if "DATABASE_URL" in os.environ:
        yield os.environ["DATABASE_URL"]
        return
    folder = Path(tempfile.mkdtemp(prefix="guiche-bench-"))
    folder.chmod(0o711)
    places = Places(folder)
    places.make()
    password = kept(places.keys / "postgres.password")
    made = prepare_postgres(places, kept_ports(places.ports, ("postgres",))["postgres"], password)
    child = Child(made.spec, places)
    child.start()
    try:
        wait_for_postgres(made.url)
        yield made.url
    finally:
        child.stop()
        shutil.rmtree(folder)


@contextmanager
def database(admin_url: str, service: str = "tickets") -> Generator[str]:
    """A migrated database of its own; the address for the role of `service`."""
    name, password = f"bench_{uuid4().hex}", secrets.token_urlsafe(16)
    server = at_database(admin_url, "postgres")
    _run(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        apply(at_database(admin_url, name), password)
        yield service_url(at_database(admin_url, name), service, password)
    finally:
        _run(server, sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name)))


def run_on_database(measure: Callable[[str], Awaitable[Sequence[Row]]]) -> None:
    """The main of a row that needs PostgreSQL only."""
    with postgres() as admin_url, database(admin_url) as url:
        show(uvloop.run(_call(measure, url)))


async def _call(measure: Callable[[str], Awaitable[Sequence[Row]]], url: str) -> Sequence[Row]:
    # Imported here: rows that need the whole system run over commits that lack this module.
    from shared.plumbing import gc_tuning  # noqa: PLC0415

    gc_tuning.calm()  # as every service does
    return await measure(url)


async def in_turns(rounds: int, *sides: Callable[[], Awaitable[float]]) -> tuple[list[float], ...]:
    """Each side once per round, one after another; the first round is not counted."""
    found: tuple[list[float], ...] = tuple([] for _ in sides)
    for number in range(rounds + 1):
        for side, values in zip(sides, found, strict=True):
            value = await side()
            if number:
                values.append(value)
    return found


def middle(values: Sequence[float]) -> float:
    return median(values)


def p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def _run(url: str, command: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(command)


Connection = psycopg.AsyncConnection[tuple[Any, ...]]
