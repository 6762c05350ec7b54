"""`make check-bot`: 200 customers go through the flow while the bot dies at every failpoint."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import yaml

from deploy.local.process import Child
from deploy.local.topology import Topology
from shared.contracts.bot import FlowNodeEntered
from shared.contracts.topics import BOT_EVENTS
from shared.plumbing.settings import CommonSettings
from tests.checks import system as systems
from tests.checks.agent import Agent, Json
from tests.checks.customers import Steps, demo_numbers
from tests.checks.flowing import FLOW, Act, Visit, Writer
from tests.checks.system import System
from tests.checks.table import CONSOLE, Ledger
from tests.checks.way import arguments
from tests.support.waiting import until
from tests.wire.support import all_records

CUSTOMERS: Final = 200
_TIMEOUT_SECONDS: Final = 45  # of the flow's questions here; longer than any restart
_PATIENCE_SECONDS: Final = 240.0
_DRAIN_SECONDS: Final = 120.0
_FAILPOINTS: Final = (
    "bot.before_commit:kill@4",
    "bot.after_commit:kill@4",
    "outbox.after_produce:kill@3",
    "bot.before_commit:kill@9",
    "bot.after_commit:kill@9",
    "bot.timer_leased:kill@1",
)
_PROTOCOL: Final = re.compile(r"\d{8}-\d{6}")
_SESSIONS: Final = "SELECT state, count(*) FROM bot.session GROUP BY state"


async def check(seed: int, logs: Path | None, topology: Topology) -> None:
    """Everybody sees each text once and in order, and every session goes the way it must."""
    ledger = Ledger(f"check-bot, seed {seed}, of each {topology.replicas}")
    visits = Writer(seed).visits(CUSTOMERS)
    async with systems.running(durable=True, logs=logs, topology=topology, bot=True) as system:
        await _short_questions(system)
        began = monotonic()
        async with _dying(system, ledger) as steps, asyncio.TaskGroup() as tasks:
            for number, visit in enumerate(visits):
                tasks.create_task(_go(system, number, visit, steps))
        ledger.note("story, seconds", f"{monotonic() - began:.1f}")
        await _judge(system, visits, ledger)
    ledger.print()


async def _short_questions(system: System) -> None:
    """A new version of the flow, whose questions wait less long: some customers stay silent."""
    flow = yaml.safe_load(FLOW.read_text())
    for node in flow["nodes"].values():
        if "timeout" in node:
            node["timeout"] = f"{_TIMEOUT_SECONDS}s"
    folder = system.installation.places.run / "flows"
    folder.mkdir()
    (folder / FLOW.name).write_text(yaml.safe_dump(flow, allow_unicode=True, sort_keys=False))
    await system.restart_with("bot", {"BOT_FLOWS_DIR": str(folder)})

    async def published() -> bool:
        return (await system.rows("SELECT max(version) FROM bot.flow_version"))[0][0] == 2

    await until(published, what="the second version is not published", seconds=_PATIENCE_SECONDS)


# --- what customers do


async def _go(system: System, number: int, visit: Visit, steps: Steps) -> None:
    await steps.allowed(number)
    seen = 0
    for act in visit.acts:
        await _act(system, visit, act)
        seen += len(act.sees)
        await _sees(system, visit, seen)


async def _act(system: System, visit: Visit, act: Act) -> None:
    number = demo_numbers(system)[1].phone_number_id
    where = f"customers/{visit.phone}"
    if act.kind in {"tap", "old_tap"}:
        body: Json = {"title": act.said[0], "phone_number_id": number, "copies": 2}
        await system.control(f"{where}/taps", body)
        return
    lines = [{"text": text} for text in act.said]
    body = {"phone_number_id": number, "name": visit.name, "messages": lines, "together": True}
    await system.control(f"{where}/messages", body)


async def _sees(system: System, visit: Visit, count: int) -> None:
    async def enough() -> bool:
        return len(await _screen(system, visit)) >= count

    what = f"customer {visit.phone} does not see {count} messages"
    await until(enough, what=what, seconds=_PATIENCE_SECONDS, pause=0.25)


async def _screen(system: System, visit: Visit) -> list[str]:
    url = f"{system.url('simulator')}/control/customers/{visit.phone}"
    async with system.http.get(url) as answer:
        if answer.status != 200:
            return []
        body: Json = await answer.json()
    return [_PROTOCOL.sub("P", message["text"] or "") for message in body["messages"]]


# --- what dies meanwhile


@asynccontextmanager
async def _dying(system: System, ledger: Ledger) -> AsyncGenerator[Steps]:
    steps = Steps(len(_FAILPOINTS) + 1)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_deaths(system, ledger, steps))
        yield steps


async def _deaths(system: System, ledger: Ledger, steps: Steps) -> None:
    for step, failpoint in enumerate(_FAILPOINTS, start=1):
        CONSOLE.print(f"step {step}: death at {failpoint}", highlight=False)
        began = monotonic()
        child = system.arm("bot", failpoint)
        steps.begin(step)
        await _died(child, failpoint)
        system.watch(child)
        await system.ready()
        ledger.note(f"death at {failpoint}, ready after", f"{monotonic() - began:.1f} s")


async def _died(child: Child, failpoint: str) -> None:
    async def died() -> bool:
        return not child.alive()

    await until(died, what=f"nobody came to {failpoint}", seconds=_PATIENCE_SECONDS, pause=0.02)


# --- what must have come of it


async def _judge(system: System, visits: Sequence[Visit], ledger: Ledger) -> None:
    agent = Agent(
        system.http,
        system.public["GUICHE_API"],
        system.public["GUICHE_ADMIN_LOGIN"],
        system.public["GUICHE_PASSWORD"],
    )
    await agent.sign_in()

    async def quiet() -> bool:
        states = dict(await system.rows(_SESSIONS))
        waiting = len(await agent.view("aguardando"))
        return states == {"ended": CUSTOMERS} and waiting == CUSTOMERS

    drained = monotonic()
    await until(quiet, what="some sessions do not end", seconds=_DRAIN_SECONDS, pause=1.0)
    ledger.note("time to drain, seconds", f"{monotonic() - drained:.1f}")
    screens = {visit.phone: await _screen(system, visit) for visit in visits}
    ledger.clean("texts, once and in order", _texts(visits), list(_wrong_texts(visits, screens)))
    cards = {card["contact"]["phone"]: card for card in await agent.view("aguardando")}
    ledger.clean("cards in their sectors", CUSTOMERS, list(_wrong_cards(visits, cards)))
    paths = await _paths(system)
    ledger.clean("paths of sessions", CUSTOMERS, list(_wrong_paths(visits, cards, paths)))
    ledger.clean("each text once at Meta", _texts(visits), await _doubled(system))
    ledger.same("nothing is left with the bot", 0, len(await agent.view("bot")))
    ledger.same("nothing is parked", 0, await system.parked())


def _texts(visits: Sequence[Visit]) -> int:
    return sum(len(visit.sees) for visit in visits)


def _wrong_texts(visits: Sequence[Visit], screens: dict[str, list[str]]) -> Iterator[str]:
    for visit in visits:
        if screens[visit.phone] != visit.sees:
            yield f"{visit.phone} saw {screens[visit.phone]}, not {visit.sees}"


def _wrong_cards(visits: Sequence[Visit], cards: dict[str, Json]) -> Iterator[str]:
    for visit in visits:
        card = cards.get(visit.phone)
        sector = None if card is None else card["sector"]["name"]
        if sector != visit.sector:
            yield f"{visit.phone} waits in {sector}, not in {visit.sector}"


async def _paths(system: System) -> dict[str, list[str]]:
    """Nodes of each ticket's session as bot.events tells them; what came twice counts once."""
    settings = CommonSettings(kafka_bootstrap_servers=system.installation.bootstrap)
    entered: defaultdict[str, list[str]] = defaultdict(list)
    told: set[bytes] = set()
    for record in await all_records(settings, BOT_EVENTS.name):
        headers = dict(record.headers)
        if headers["ce_type"] != FlowNodeEntered.TYPE.encode() or headers["ce_id"] in told:
            continue
        told.add(headers["ce_id"])
        event = FlowNodeEntered.read(record.value or b"")
        entered[str(event.ticket_id)].append(event.node)
    return entered


def _wrong_paths(
    visits: Sequence[Visit], cards: dict[str, Json], paths: dict[str, list[str]]
) -> Iterator[str]:
    for visit in visits:
        card = cards.get(visit.phone)
        path = paths.get(card["id"]) if card else None
        if path != visit.path:
            yield f"{visit.phone} went {path}, not {visit.path}"


async def _doubled(system: System) -> list[str]:
    sent = Counter(
        request["opaque"]
        for request in await system.ledger("requests")
        if request["accepted"] and request["kind"] == "message"
    )
    return [f"{opaque} was accepted {count} times" for opaque, count in sent.items() if count > 1]


if __name__ == "__main__":
    given = arguments(__doc__)
    shape = Topology(brokers=given.brokers, replicas=given.replicas)
    systems.main(check(given.seed, given.logs, shape))
