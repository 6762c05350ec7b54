"""What an operator sees of streams, the relay and parked messages."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from aiokafka.structs import ConsumerRecord
from typer.testing import CliRunner, Result

from services.tickets.ops import app
from services.tickets.settings import Settings
from services.tickets.storage.contract import Claim, TimerSet
from services.tickets.storage.event_database import EventDatabase
from services.tickets.storage.timers import TimerTable
from shared.plumbing.kafka import Producer, to_headers
from shared.plumbing.kafka.messages import Record
from shared.plumbing.parking import Parking
from shared.plumbing.sealing import Sealer
from tests.tickets.adapters.events import AGENT, conversation_of, received, stores
from tests.tickets.adapters.test_relay import a_relay, published_up_to_the_head, running
from tests.wire.support import message

CONTACT = UUID(int=31)
A_SNAPSHOT = """
INSERT INTO snapshot SELECT id, id, id, 'ticket.1', 5, 7, '' FROM (VALUES (%s::uuid)) AS one(id)
"""


@pytest.fixture(autouse=True)
def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETS_DATABASE_URL", settings.database_url)


async def guiche(*arguments: str) -> Result:
    """In a thread: the verbs run event loops of their own."""
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def test_a_stream_is_shown_without_what_is_personal(database: EventDatabase) -> None:
    await database.store.append(stores(CONTACT, 0, received(CONTACT, "segredo do cliente")))
    result = await guiche("stream", "show", str(conversation_of(CONTACT)))
    assert result.exit_code == 0
    assert "tickets.MessageReceived" in result.output
    assert f"agent:{AGENT}" in result.output
    for private in ("segredo", "5511987654321", "SECRET", "Ana"):
        assert private not in result.output


async def test_a_stream_that_does_not_exist_is_an_error() -> None:
    assert (await guiche("stream", "show", str(UUID(int=1)))).exit_code == 1


async def test_a_stream_is_shown_as_it_was(database: EventDatabase) -> None:
    for version in range(3):
        await database.store.append(stores(CONTACT, version, received(CONTACT, "oi")))
    stream = str(conversation_of(CONTACT))
    whole = (await guiche("stream", "show", stream)).output.splitlines()
    second = whole[1].split("  ")[2]  # its instant
    for at in ("2", second, f"{second}+00:00"):
        assert (await guiche("stream", "show", stream, "--at", at)).output.splitlines() == whole[:2]
    assert (await guiche("stream", "show", stream, "--at", "2020-01-01")).exit_code == 1
    wrong = await guiche("stream", "show", stream, "--at", "ontem")
    assert wrong.exit_code == 2
    assert "neither a version" in wrong.output


async def test_timers_are_listed_with_who_has_them(database: EventDatabase) -> None:
    await two_timers(database)
    assert len(await TimerTable(database.pool, 60.0).lease_due()) == 1
    first, second = (await guiche("timers", "list")).output.splitlines()
    assert first == f"2020-01-01 12:00:00.000000  bot_silent  {CONTACT}  {UUID(int=0)}  leased"
    assert second.endswith(f"bot_silent  {CONTACT}  {UUID(int=1)}  -")
    found, _ = json.loads((await guiche("timers", "list", "--json")).output)
    assert found == {
        "kind": "bot_silent",
        "about": str(CONTACT),
        "id": str(UUID(int=0)),
        "due": "2020-01-01T12:00:00Z",
        "leased": True,
        "attempts": 0,
        "last_error": None,
        "next_attempt_at": None,
    }


async def test_a_timer_that_fails_is_shown_and_tried_at_once(database: EventDatabase) -> None:
    await two_timers(database)
    table = TimerTable(database.pool, 60.0)
    (timer,) = await table.lease_due()
    await table.failures.note(timer.id, ValueError("segredo"))
    assert await table.lease_due() == [], "it waits"
    (line,) = (await guiche("timers", "list", "--failing")).output.splitlines()
    assert f"  {timer.id}  -  attempts=1  error=ValueError  next=" in line
    assert (await guiche("timers", "retry", str(timer.id))).exit_code == 0
    (line,) = (await guiche("timers", "list", "--failing")).output.splitlines()
    assert line.endswith("attempts=1  error=ValueError  next=now")
    assert await table.lease_due() == [timer]
    sound = await guiche("timers", "retry", str(UUID(int=1)))
    assert (sound.exit_code, "did not fail" in sound.output) == (1, True)


async def two_timers(database: EventDatabase) -> None:
    """One is due, the other in a thousand years."""
    due = datetime(2020, 1, 1, 12, tzinfo=UTC)
    timers = tuple(
        TimerSet(UUID(int=n), CONTACT, "bot_silent", due + timedelta(days=365_000 * n))
        for n in range(2)
    )
    claim = Claim("protocol", b"1", b"1")
    asked = replace(stores(CONTACT, 0), expectations=(), take=(claim,), set_timers=timers)
    await database.store.append(asked)


async def test_the_relay_says_how_far_it_is_and_who_holds_it(
    database: EventDatabase, producer: Producer
) -> None:
    await database.store.append(stores(CONTACT, 0, received(CONTACT, "oi")))
    alone = await guiche("relay", "status")
    assert alone.exit_code == 1, "nobody is the relay"
    assert "waiting 1" in alone.output
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
        result = await guiche("relay", "status")
    assert result.exit_code == 0
    assert "waiting 0" in result.output
    assert "relay tickets-1" in result.output


async def test_the_relay_is_told_to_machines_too() -> None:
    nobody = await guiche("relay", "status", "--json")
    assert nobody.exit_code == 1
    (told,) = json.loads(nobody.stdout)
    assert (told["holder"], told["waiting"], told["head"]) == (None, 0, 0)


async def test_snapshots_are_counted_by_their_form(database: EventDatabase) -> None:
    assert json.loads((await guiche("snapshots", "status", "--json")).output) == []
    async with database.pool.connection() as conn:
        await conn.execute(A_SNAPSHOT, (CONTACT,))
    told = (await guiche("snapshots", "status")).output
    assert told == "ticket.1  1 conversations  newest log id 7\n"
    (found,) = json.loads((await guiche("snapshots", "status", "--json")).output)
    assert found == {"form": "ticket.1", "conversations": 1, "newest_log_id": 7}


async def test_a_parked_message_is_listed_and_skipped(database: EventDatabase) -> None:
    parking = Parking(database.pool, Sealer(b"k" * 32), "tickets")
    await parking.park("inbound.events", a_record(), "NotInDirectoryError", holds=True)
    listed = await guiche("parked", "list")
    assert "NotInDirectoryError" in listed.output
    number = listed.output.split()[0]
    (found,) = json.loads((await guiche("parked", "list", "--json")).output)
    assert (str(found["seq"]), found["reason"]) == (number, "NotInDirectoryError")
    assert (await guiche("parked", "retry", number)).exit_code == 0
    assert (await guiche("parked", "skip", number)).exit_code == 0
    assert (await guiche("parked", "list")).output == ""
    assert (await guiche("parked", "skip", number)).exit_code == 1


def a_record() -> Record:
    sent = message(b"key", 1)
    return ConsumerRecord(
        topic="inbound.events",
        partition=0,
        offset=3,
        timestamp=0,
        timestamp_type=0,
        key=sent.key,
        value=sent.body,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=to_headers(sent.envelope),
    )
