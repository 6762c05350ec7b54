"""`make check-faults`: the same story while faults of chance strike: a seed repeats its plan.

A process, a broker or PostgreSQL is killed, ended in order, or stands still for some seconds; Meta
answers slowly, with errors or not at all, and tells statuses twice, late or in another order.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

from deploy.local.topology import Topology
from tests.checks import system as systems
from tests.checks.customers import Steps
from tests.checks.striking import Striking
from tests.checks.system import System
from tests.checks.table import CONSOLE, Ledger
from tests.checks.way import Troubled, arguments, judge

STRIKES: Final = 8
STILL_SECONDS: Final = (2.0, 20.0)
META_SECONDS: Final = (3.0, 10.0)


class Kind(StrEnum):
    """How something is struck."""

    KILL = "kill -9 of"
    RESTART = "restart of"
    STOP = "SIGSTOP of"
    META = "Meta:"


_KINDS: Final = (Kind.KILL, Kind.RESTART, Kind.STOP, Kind.STOP, Kind.META, Kind.META)
_AT_META: Final[tuple[Mapping[str, Any], ...]] = (
    {"kind": "slow", "ms": 3000, "rate": 0.3},
    {"kind": "slow", "ms": 12_000, "next": 3},  # longer than outbound waits
    {"kind": "refuse", "code": 130429, "rate": 0.3},
    {"kind": "refuse", "code": 131056, "next": 5},
    {"kind": "error_5xx_before_accept", "next": 3},
    {"kind": "error_5xx_after_accept", "next": 3},
    {"kind": "html_502", "next": 3},
    {"kind": "cut_before_accept", "next": 3},
    {"kind": "cut_after_accept", "next": 3},
    {"kind": "cut_body_of_2xx", "next": 3},
    {"kind": "half_close", "next": 3},
    {"kind": "status_before_answer", "rate": 0.5},
    {"kind": "status_duplicate", "rate": 0.5},
    {"kind": "status_reorder", "rate": 0.5},
    {"kind": "status_late", "ms": 4000, "rate": 0.5},
)
_NEVER_TOLD: Final = frozenset({"error_5xx_before_accept", "html_502", "cut_before_accept"})


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: at whom, for how long."""

    kind: Kind
    target: str  # a process; of Meta's faults their kind
    seconds: float = 0.0
    fault: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def unknown(self) -> int:
        """How many messages it may leave without a fate: written, not taken, and never told of."""
        return int(self.fault["next"]) if self.target in _NEVER_TOLD else 0

    def __str__(self) -> str:
        """As the ledger says it."""
        return f"{self.kind} {self.target}" + (f", {self.seconds} s" if self.seconds else "")


def planned(seed: int, topology: Topology) -> list[Strike]:
    """What strikes, in order; the same seed and shape have the same plan."""
    chance = random.Random(f"faults {seed}")  # noqa: S311  to be repeated, not to be secret
    return [_strike(chance, topology) for _ in range(STRIKES)]


def _strike(chance: random.Random, topology: Topology) -> Strike:
    kind = chance.choice(_KINDS)
    if kind is Kind.META:
        fault = chance.choice(_AT_META)
        return Strike(kind, fault["kind"], _between(chance, META_SECONDS), fault)
    target = chance.choice((*topology.instances, *topology.broker_names, "postgres"))
    return Strike(kind, target, _between(chance, STILL_SECONDS) if kind is Kind.STOP else 0.0)


def _between(chance: random.Random, seconds: tuple[float, float]) -> float:
    return round(chance.uniform(*seconds), 1)


async def check(seed: int, logs: Path | None, topology: Topology) -> None:
    """Judge the story under what the seed brings."""
    shape = f"brokers {topology.brokers}, of each {topology.replicas}"
    async with systems.running(durable=True, logs=logs, topology=topology) as system:
        trouble = partial(_striking, planned(seed, topology))
        await judge(system, seed, Ledger(f"check-faults, seed {seed}, {shape}"), trouble)


@asynccontextmanager
async def _striking(
    strikes: list[Strike], system: System, ledger: Ledger
) -> AsyncGenerator[Troubled]:
    troubled = Troubled(Steps(len(strikes)), [])
    striking = Striking(system, troubled.steps, troubled.in_flight)
    async with asyncio.TaskGroup() as tasks:  # what does not come back ends the story at once
        tasks.create_task(_all(strikes, striking, troubled, ledger))
        yield troubled
    ledger.note("restarts", dict(system.restarts))


async def _all(
    strikes: list[Strike], striking: Striking, troubled: Troubled, ledger: Ledger
) -> None:
    for step, strike in enumerate(strikes):
        CONSOLE.print(f"step {step}: {strike}", highlight=False)
        began = monotonic()
        troubled.in_flight.append(strike.unknown)
        await _one(strike, striking, step)
        await striking.back()
        ledger.note(f"{strike}: over after", f"{monotonic() - began:.1f} s")


async def _one(strike: Strike, striking: Striking, step: int) -> None:
    if strike.kind is Kind.META:
        await striking.at_meta(strike.fault, step, strike.seconds)
        return
    await striking.traffic(step)
    match strike.kind:
        case Kind.KILL:
            await striking.kill(strike.target)
        case Kind.RESTART:
            await striking.restart(strike.target)
        case Kind.STOP:
            await striking.stop(strike.target, strike.seconds)


if __name__ == "__main__":
    given = arguments(__doc__)
    systems.main(
        check(given.seed, given.logs, Topology(brokers=given.brokers, replicas=given.replicas))
    )
