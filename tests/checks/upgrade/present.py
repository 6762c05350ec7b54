"""What must hold when this checkout runs on the data of the older commit."""

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from shared.contracts.internal_api import FeedEvent
from shared.contracts.tickets import TICKETS_EVENTS_TYPES, Internal
from shared.plumbing.settings import CommonSettings
from tests.checks.agent import Agent, Json
from tests.checks.customers import demo_numbers
from tests.checks.table import CONSOLE, DifferenceError, Ledger
from tests.checks.upgrade.installed import Running, doctor
from tests.checks.upgrade.past import (
    QUESTION_SECONDS,
    Office,
    Past,
    Said,
    screen,
    sees,
    ticket_of,
    write,
)
from tests.checks.upgrade.reading import VIEWS, Answers, answers, changed, meant
from tests.contracts.registries import REGISTRIES
from tests.support.json_difference import differences
from tests.support.waiting import LateError, until
from tests.wire.support import all_records

_PATIENCE_SECONDS: Final = 240.0
_SETTLE_SECONDS: Final = 60.0
_DONE: Final = frozenset({"read", "delivered", "sent"})
_MOVES: Final = frozenset({"fate", "fate_reason", "position", "wamid_hash"})
"""Of a line: what may still happen to a message that was on its way."""
_EVENTS: Final = "SELECT count(*) FROM tickets.event"
_WAITING_ROWS: Final = "SELECT count(*) FROM outbound.queue WHERE state IN ('queued', 'sending')"


async def same_answers(
    ledger: Ledger, agent: Agent, before: Answers, past: Past, what: str
) -> None:
    """Every ticket that was over is answered as it was; of the others no line is gone."""
    over = [ticket for ticket in before.cards if ticket not in past.touched]

    async def found() -> Differences:
        now = await answers(agent)
        wrong = [line for ticket in over for line in changed(before, now, ticket)]
        return wrong, [line for ticket in before.cards for line in _lost(before, now, ticket)]

    wrong, lost = await _first_clean(found)
    ledger.clean(f"{what}: tickets that were over, answered as before", len(over), wrong)
    lines = sum(map(len, before.timelines.values()))
    ledger.clean(f"{what}: lines of timelines, none is gone", lines, lost)


Differences = tuple[list[str], list[str]]


async def _first_clean(found: Callable[[], Awaitable[Differences]]) -> Differences:
    """The first finding without a difference, or the last one in time."""
    last: Differences = ([], [])

    async def clean() -> bool:
        nonlocal last
        last = await found()
        return not any(last)

    with suppress(LateError):
        await until(clean, what="differences stay", seconds=_SETTLE_SECONDS, pause=2.0)
    return last


def _lost(before: Answers, now: Answers, ticket: str) -> Iterator[str]:
    lines = {line["id"]: line for line in now.timelines.get(ticket, [])}
    for line in before.timelines[ticket]:
        kept = {name: value for name, value in line.items() if name not in _MOVES}
        if line["id"] not in lines:
            yield f"{ticket}: line {line['id']} is gone"
        else:
            found = differences(kept, lines[line["id"]], "timeline.0")
            wrong = [difference for difference in found if not meant(difference)]
            yield from [f"{ticket}: {'; '.join(wrong)}"] if wrong else []


async def same_feed(
    ledger: Ledger, system: Running, before: Mapping[str, FeedEvent], now: Mapping[str, FeedEvent]
) -> None:
    """Every stored event is read, and told as it was told."""
    ledger.same("events in the log, events in the feed", await _events(system), len(now))
    hidden = [id_ for id_, event in now.items() if event.type == Internal.TYPE]
    ledger.clean("events of the feed that are told", len(now), hidden)
    ledger.clean("events told by the older system, told again", len(before), _untold(before, now))
    unread = [line for event in now.values() for line in _unread(event)]
    ledger.clean("events of the feed, read by the contracts", len(now), unread)


async def _events(system: Running) -> int:
    return (await system.rows(_EVENTS))[0][0]


def _untold(before: Mapping[str, FeedEvent], now: Mapping[str, FeedEvent]) -> list[str]:
    return [
        f"{id_}: {line}"
        for id_, event in before.items()
        for line in differences(
            _as_json(event), _as_json(now[id_]) if id_ in now else {"id": "gone"}
        )
    ]


def _as_json(event: FeedEvent) -> dict[str, Any]:
    told: dict[str, Any] = event.model_dump(mode="json")
    return {**told, "body": json.loads(event.body)}


def _unread(event: FeedEvent) -> Iterator[str]:
    kind = TICKETS_EVENTS_TYPES.get(event.type)
    if kind is None:
        yield f"{event.id}: unknown type {event.type}"
        return
    yield from _kept(event.id, event.body.encode(), kind.read)


def _kept(id_: str, body: bytes, read: Callable[[bytes], Any]) -> Iterator[str]:
    """What reading and writing a message again takes away from it."""
    try:
        again = read(body).body()
    except ValueError as error:
        yield f"{id_}: {error}"
        return
    for line in differences(json.loads(body), json.loads(again)):
        yield f"{id_}: {line}"


async def topics_are_read(ledger: Ledger, system: Running) -> None:
    """Every message that lies on Kafka is read by today's contracts, with all of its fields."""
    settings = CommonSettings(kafka_bootstrap_servers=system.public["KAFKA_BOOTSTRAP_SERVERS"])
    for topic, types in REGISTRIES.items():
        wrong: list[str] = []
        records = [one for one in await all_records(settings, topic) if one.value is not None]
        for record in records:
            headers = dict(record.headers)
            name = headers["ce_type"].decode()
            id_ = f"{name} {headers['ce_id'].decode()}"
            if name in types:
                wrong += _kept(id_, record.value or b"", types[name].read)
            else:
                wrong.append(f"{id_}: unknown type")
        ledger.clean(f"messages on {topic}", len(records), wrong)


async def goes_on(ledger: Ledger, office: Office, asked: Mapping[str, str]) -> None:
    """What the upgrade cut in two comes to its end; `asked` are texts of the older flow."""
    await _sent_once(ledger, office.system, office.past)
    await _unknown_settles(ledger, office)
    await _last_words(ledger, office)
    await _sessions_go_on(ledger, office, asked["next"])
    await _timers_fire(ledger, office, asked["unclaimed"])


async def _sent_once(ledger: Ledger, system: Running, past: Past) -> None:
    async def empty() -> bool:
        return (await system.rows(_WAITING_ROWS))[0][0] == 0

    await until(empty, what="outbound's queue does not get empty", seconds=_PATIENCE_SECONDS)
    requests = (await system.seen("ledger?only=requests"))["requests"]
    sent = Counter(r["opaque"] for r in requests if r["accepted"] and r["kind"] == "message")
    wrong = [f"{m} was sent {sent[m]} times" for m in past.on_hold if sent[m] != 1]
    ledger.clean("texts that waited in outbound's queue, sent once", len(past.on_hold), wrong)
    words = {request["opaque"]: request["text"] for request in requests}
    other = [f"{m}: {words.get(m)}" for m, text in past.on_hold.items() if words.get(m) != text]
    ledger.clean("… in their own words", len(past.on_hold), other)


async def _unknown_settles(ledger: Ledger, office: Office) -> None:
    """A status with our id, of a message that the older system sent, is joined with it."""
    for message, wamid in office.past.unknown.items():
        await office.system.control("webhooks", {"value": _status(office, message, wamid)})

    async def settled() -> bool:
        now = await answers(office.agents[0])
        lines = [line for found in now.timelines.values() for line in found]
        fates = {line["id"]: line["fate"] for line in lines}
        return all(fates[message] in _DONE for message in office.past.unknown)

    await until(settled, what="an unknown fate stays unknown", seconds=_PATIENCE_SECONDS, pause=1.0)
    ledger.note("unknown fates, settled by a status", len(office.past.unknown))


def _status(office: Office, message: str, wamid: str) -> Json:
    number = demo_numbers(office.system)[0]
    status = {
        "id": wamid,
        "status": "delivered",
        "timestamp": str(int(time.time())),
        "recipient_id": "5511970000002",
        "biz_opaque_callback_data": message,
    }
    metadata = {
        "display_phone_number": number.display_phone,
        "phone_number_id": number.phone_number_id,
    }
    return {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}


async def _last_words(ledger: Ledger, office: Office) -> None:
    """What ingest took just before the end is there, once."""

    async def found() -> Counter[str] | None:
        now = await answers(office.agents[0])
        lines = [line for lines in now.timelines.values() for line in lines]
        texts = Counter(line["text"] for line in lines if line["direction"] == "in")
        there = all(texts[text] for text in office.past.last_words)
        return texts if there else None

    texts = await until(found, what="last words are missing", seconds=_PATIENCE_SECONDS, pause=1.0)
    twice = [text for text in office.past.last_words if texts[text] != 1]
    ledger.clean("webhooks taken just before the end", len(office.past.last_words), twice)


async def _sessions_go_on(ledger: Ledger, office: Office, asked: str) -> None:
    """Customers answer what the older flow asked, and are asked what comes next."""
    wrong: list[str] = []
    for phone in office.past.at_menu:
        before = len(await screen(office.system, phone))
        await write(office.system, phone, [{"text": "Financeiro"}], bot=True)
        shown = (await sees(office.system, phone, before + 1))[-1]["text"]
        if shown != asked:
            wrong.append(f"{phone} sees {shown}, not {asked}")
        await write(office.system, phone, [{"text": "Segunda via, por favor"}], bot=True)
        # 7ddf972 stored who started a flow by hand as `return_to`: it goes back to that agent
        view = "atendendo" if phone in office.past.by_hand else "aguardando"
        await ticket_of(office.agents[0], phone, view)
    ledger.clean("open sessions that went on", len(office.past.at_menu), wrong)


async def _timers_fire(ledger: Ledger, office: Office, text: str) -> None:
    """The flow's unanswered question hands over; who waits for an agent is told so, once."""
    for phone in office.past.silent:
        await ticket_of(office.agents[0], phone)
    ledger.note("questions that timed out", len(office.past.silent))
    seconds = QUESTION_SECONDS + _PATIENCE_SECONDS

    async def told() -> Mapping[str, int] | None:
        found = {phone: await _times(office.system, phone, text) for phone in office.past.unclaimed}
        return found if all(found.values()) else None

    found = await until(told, what="nobody tells who waits", seconds=seconds, pause=1.0)
    wrong = [f"{phone} was told {times} times" for phone, times in found.items() if times != 1]
    ledger.clean("hand-overs that nobody took, told once", len(found), wrong)


async def _times(system: Running, phone: str, text: str) -> int:
    return sum(message["text"] == text for message in await screen(system, phone))


async def commands_go_on(ledger: Ledger, office: Office, said: Sequence[Said]) -> None:
    """A command with an old key gets its old answer; old tickets take new commands."""
    wrong: list[str] = []
    for one in said:
        agent = _who(office, one)
        again = await agent.command(one.ticket, one.verb, one.body, one.key)
        told = one.answer.body.get("message_id")
        if again.status != one.answer.status or again.body.get("message_id") != told:
            wrong.append(f"{one.verb} of {one.ticket}: {again.status} {again.body}")
    ledger.clean("commands sent again with their keys", len(said), wrong)
    done = [await _new_command(office, one) for one in said if one.verb == "accept"]
    ledger.clean("commands on tickets of before", len(done), [line for line in done if line])


def _who(office: Office, said: Said) -> Agent:
    return next(agent for agent in office.agents if agent.login == said.login)


async def _new_command(office: Office, accepted: Said) -> str:
    """Reopens what is closed, says something where the window is open; empty when taken."""
    agent = _who(office, accepted)
    state = await agent.get(f"/v1/tickets/{accepted.ticket}")
    verb = "close" if state["lifecycle"] == "attending" else "reopen"
    if not state["allowed"][verb]["allowed"]:
        return ""
    answer = await agent.command(accepted.ticket, verb)
    fine = answer.status == 200 or answer.code == "ticket_already_open"
    return "" if fine else f"{verb} of {accepted.ticket}: {answer.status} {answer.body}"


async def read_models(ledger: Ledger, system: Running) -> None:
    """Rebuilt from the log, compared with the living ones, and shown."""
    await _verb(system, "rebuild")
    compared = json.loads(await _verb(system, "verify", "--json"))
    ledger.note("tables of a rebuilt model, the same as the living ones", len(compared))
    await _verb(system, "switch")


async def _verb(system: Running, *words: str) -> str:
    said = ""

    async def well() -> bool:
        nonlocal said
        code, said = await system.verb("projections", *words)
        return code == 0

    try:
        await until(well, what="", seconds=_PATIENCE_SECONDS, pause=5.0)
    except LateError:
        what = f"guiche projections {' '.join(words)}: {said}"
        raise DifferenceError(what) from None
    return said


async def session_goes_on(ledger: Ledger, system: Running, refresh_token: str) -> None:
    """Who signed in before need not sign in again."""
    body = {"refresh_token": refresh_token}
    async with system.http.post(f"{system.api}/v1/sessions/refresh", json=body) as answer:
        ledger.same("a session of before is renewed", 200, answer.status)


async def all_is_well(ledger: Ledger, system: Running, agent: Agent) -> None:
    """Nothing is parked, the counters count what is listed, the doctor is content."""
    _, listed = await system.verb("parked", "list")
    CONSOLE.print(listed.strip(), markup=False, highlight=False)
    tables = await system.rows("SELECT schemaname FROM pg_tables WHERE tablename = 'parked'")
    for (schema,) in tables:
        count = (await system.rows(f"SELECT count(*) FROM {schema}.parked"))[0][0]  # noqa: S608
        ledger.same(f"parked in {schema}", 0, count)
    counts = (await agent.get("/v1/counts"))["views"]
    found = {view: len(await agent.view(view)) for view in VIEWS}
    ledger.same("counters", found, {view: counts[view] for view in VIEWS})
    code, said = await doctor(system)
    ledger.clean("doctor", 1, said.splitlines() if code else [])
