"""`make check-upgrade`: an older commit writes, this checkout reads; nothing may be lost.

The older commit gets a folder and a virtual environment of its own, runs, is used and ended in
order. Then this checkout runs on the same run folder: the same PostgreSQL, Kafka, keys and ports.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

import yaml

from shared.contracts.internal_api import FeedEvent
from tests.checks.agent import Agent
from tests.checks.system import main
from tests.checks.table import CONSOLE, Ledger
from tests.checks.upgrade import present
from tests.checks.upgrade.installed import Installed, Running, running
from tests.checks.upgrade.past import (
    OF_EACH,
    Office,
    Past,
    agents_of,
    moving,
    open_part,
    refresh_token,
    settled,
    settled_part,
    short_flow,
    timers_pending,
)
from tests.checks.upgrade.reading import Answers, answers, feed
from tests.support.checkout import ROOT, NoSuchCommitError, checked_out, commit_id
from tests.support.stack import scratch_places

BASE: Final = "7ddf972"


@dataclass(frozen=True, slots=True)
class Written:
    """What the older system answered last, and who did what there."""

    past: Past
    answers: Answers
    feed: Mapping[str, FeedEvent]
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Both:
    """What the two systems have in common: the run folder, and how many there are of each."""

    run: Path
    seed: int
    brokers: int
    replicas: int

    def environment(self, seed: str) -> dict[str, str]:
        """`seed` of the simulator: another one gives other ids to messages."""
        shape = {"GUICHE_BROKERS": str(self.brokers), "GUICHE_REPLICAS": str(self.replicas)}
        return {**shape, "GUICHE_SIMULATOR_SEED": seed}


async def check(given: argparse.Namespace) -> None:
    """Write with the older commit, read with this checkout; raises DifferenceError."""
    shape = f"brokers {given.brokers}, of each {given.replicas}"
    ledger = Ledger(f"check-upgrade, from {given.base}, seed {given.seed}, {shape}")
    with checked_out(given.base) as folder, scratch_places() as places:
        both = Both(places.run, given.seed, given.brokers, given.replicas)
        try:
            written = await _write(folder, both, ledger)
            await _read(both, written, _asked(folder), ledger)
        finally:
            if given.logs is not None:
                shutil.copytree(places.logs, given.logs, dirs_exist_ok=True)
                for log in places.run.glob("*.log"):
                    shutil.copy(log, given.logs)
    ledger.print()


async def _write(folder: Path, both: Both, ledger: Ledger) -> Written:
    flows = short_flow(folder, both.run / "flows-before")
    more = {"BOT_FLOWS_DIR": str(flows), **both.environment("before")}
    older = Installed(folder, folder / ".venv/bin/python", both.run, more)
    began, past = monotonic(), Past()
    async with running(older, both.run / "before.log") as system:
        await _quiet(system)
        office = Office(system, past, await agents_of(system))
        await settled_part(office, both.seed)
        ledger.note(
            "older system: tickets that are over", len((await settled(_admin(office))).cards)
        )
        await open_part(office, both.seed)
        found = await answers(_admin(office))
        past.touched |= moving(found)
        written = Written(past, found, await feed(system), await refresh_token(system))
        for timers, count in (await timers_pending(system)).items():
            ledger.at_least(f"older system: {timers} pending", OF_EACH, count)
    ledger.note("older system: seconds", f"{monotonic() - began:.0f}")
    ledger.note("older system: events", len(written.feed))
    return written


async def _read(both: Both, written: Written, asked: Mapping[str, str], ledger: Ledger) -> None:
    newer = Installed(ROOT, Path(sys.executable), both.run, both.environment("after"))
    began, past = monotonic(), written.past
    async with running(newer, both.run / "after.log") as system:
        ledger.note("this checkout: ready after, seconds", f"{monotonic() - began:.0f}")
        await _quiet(system)
        office = Office(system, past, await agents_of(system))
        admin = _admin(office)
        await present.session_goes_on(ledger, system, written.refresh_token)
        await present.same_answers(ledger, admin, written.answers, past, "as found")
        await present.same_feed(ledger, system, written.feed, await feed(system))
        await present.goes_on(ledger, office, asked)
        await present.read_models(ledger, system)
        await present.same_answers(ledger, admin, written.answers, past, "rebuilt")
        await present.commands_go_on(ledger, office, list(past.said))
        await present.topics_are_read(ledger, system)
        await present.all_is_well(ledger, system, admin)
    ledger.note("this checkout: seconds", f"{monotonic() - began:.0f}")


def _admin(office: Office) -> Agent:
    return office.agents[0]


async def _quiet(system: Running) -> None:
    """Meta is not slowed down by its own limits."""
    await system.control("behaviour", {"throughput": False, "pair_rate": False})


def _asked(folder: Path) -> Mapping[str, str]:
    """Texts of the older flow that this checkout has to say."""
    file = folder / "services/bot/flows/recepcao.yaml"
    nodes: Mapping[str, Any] = yaml.safe_load(file.read_text())["nodes"]
    return {
        "next": nodes["assunto"]["text"].replace("{setor}", "Financeiro"),
        "unclaimed": nodes["pessoa"]["unclaimed"]["text"],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default=BASE, help="the older commit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--logs", type=Path, default=None, help="where to leave all logs")
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    wanted = _arguments()
    try:
        commit_id(wanted.base)
    except NoSuchCommitError as missing:
        CONSOLE.print(f"failed: {missing}", markup=False)
        raise SystemExit(1) from None
    main(check(wanted))
