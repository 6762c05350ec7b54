"""Every check of `guiche doctor` is seen well once and seen red once, with what to do about it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import psycopg
import pytest
import time_machine
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy import topics
from deploy.local.diagnosis import Finding, diagnose
from deploy.local.keys import make_keys
from deploy.local.places import Places
from deploy.local.reports import reports
from shared.plumbing.settings import CommonSettings
from tests.support.stack import Kafka, Postgres, scratch_places

NOBODY = "127.0.0.1:1"
SCHEMAS = ("bot", "directory", "outbound", "projections", "tickets")


@pytest.fixture
def places() -> Iterator[Places]:
    with scratch_places() as made:
        yield made


@pytest.fixture
async def standing_still() -> AsyncIterator[str]:
    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"ready": True, "waiting_for": []})

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"alive": False, "stale": ["follow"]}, status=503)

    app = web.Application()
    app.router.add_get("/ready", ready)
    app.router.add_get("/health", health)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_a_report_says_which_loop_stands_still(standing_still: str) -> None:
    async with aiohttp.ClientSession() as http:
        found = await reports(http, {"gateway": standing_still}, plain=["gateway"])
    assert found["gateway"].answered
    assert not found["gateway"].ready
    assert found["gateway"].waiting_for == ("its loop follow",)


async def test_the_doctor_sends_to_the_log_of_a_process_that_stands_still(
    standing_still: str, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", NOBODY)
    monkeypatch.setenv("GUICHE_API", standing_still)
    findings = {finding.what: finding for finding in await diagnose(places)}
    assert not findings["gateway"].well
    assert findings["gateway"].said == "waits for its loop follow"
    assert "gateway.log" in findings["gateway"].to_do


@pytest.mark.usefixtures("well")
async def test_a_whole_system_is_well(places: Places) -> None:
    findings = await _found(places)
    assert [each for each in findings.values() if not each.well] == []
    assert {"keys", "PostgreSQL", "Kafka", "topics", "gateway"} <= findings.keys()
    assert {f"migrations of {schema}" for schema in SCHEMAS} <= findings.keys()
    assert {f"parked in {schema}" for schema in ("bot", "outbound", "rm_v1", "tickets")} <= (
        findings.keys()
    )


@pytest.mark.usefixtures("well")
async def test_a_key_that_is_missing(places: Places) -> None:
    (places.keys / "bot.key").unlink()
    keys = (await _found(places))["keys"]
    assert ("bot.key" in keys.said, keys.to_do) == (True, "`guiche run` makes them once")


@pytest.mark.usefixtures("well")
async def test_a_database_that_is_not_named_or_does_not_answer(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{NOBODY}/nothing?connect_timeout=2")
    assert "start it" in (await _found(places))["PostgreSQL"].to_do
    monkeypatch.delenv("DATABASE_URL")
    assert "set DATABASE_URL" in (await _found(places))["PostgreSQL"].to_do


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_clock_that_is_not_the_databases(places: Places, minutes: int) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
        found = (await _found(places))["clock"]
    assert found.said.startswith(("600.", "599."))
    assert "NTP" in found.to_do


async def test_a_migration_that_was_not_applied(well: dict[str, str], places: Places) -> None:
    with psycopg.connect(well["database"]) as conn:
        conn.execute("UPDATE tickets.alembic_version SET version_num = '0001'")
    found = (await _found(places))["migrations of tickets"]
    assert found.said.startswith("0001 of ")
    assert found.to_do == "`guiche migrate`"


async def test_a_lease_that_nobody_renews(well: dict[str, str], places: Places) -> None:
    with psycopg.connect(well["database"]) as conn:
        conn.execute(
            "INSERT INTO tickets.lease (name, holder, until) VALUES"
            " ('relay', 'tickets-1', clock_timestamp() - interval '1 minute'),"
            " ('timers', 'tickets-2', clock_timestamp() + interval '1 minute')"
        )
    findings = await _found(places)
    left = findings["lease tickets relay"]
    assert (left.said, left.to_do) == ("left by tickets-1", "start a process of tickets")
    assert findings["lease tickets timers"].well


async def test_a_message_that_is_parked(well: dict[str, str], places: Places) -> None:
    with psycopg.connect(well["database"]) as conn:
        conn.execute(
            'INSERT INTO outbound.parked (topic, key, partition, "offset", timestamp_ms, reason,'
            " holds, sealed) VALUES ('outbound.commands', 'k', 0, 0, 0, 'unreadable', true, 's')"
        )
    found = (await _found(places))["parked in outbound"]
    assert found.said == "1 messages"
    assert "`guiche parked list`" in found.to_do


async def test_a_timer_that_fails(well: dict[str, str], places: Places) -> None:
    with psycopg.connect(well["database"]) as conn:
        conn.execute(
            "INSERT INTO tickets.timer (id, account, stream, kind, due, attempts, last_error)"
            " SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'bot_silent',"
            " now(), attempts, 'not_found' FROM generate_series(0, 3) AS attempts"
        )
    findings = await _found(places)
    failing = findings["timers of tickets"]
    assert failing.said == "3 fail, tried 3 times at most: not_found"
    assert "`guiche timers retry ID`" in failing.to_do
    assert findings["timers of bot"].well


@pytest.mark.usefixtures("well")
async def test_a_kafka_that_does_not_answer(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", NOBODY)
    assert "start it" in (await _found(places))["Kafka"].to_do


async def test_a_topic_that_is_missing_or_has_another_shape(
    well: dict[str, str], places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = well["prefix"] + "other."
    monkeypatch.setenv("KAFKA_PREFIX", prefix)
    admin = AIOKafkaAdminClient(bootstrap_servers=well["kafka"])
    await admin.start()
    await admin.create_topics([NewTopic(f"{prefix}presence", 1, 1)])
    await admin.close()
    await _visible(f"{prefix}presence")

    found = [finding for finding in await diagnose(places) if finding.what == "topics"]

    missing = [finding for finding in found if finding.said.endswith("is missing")]
    assert len(missing) == len(topics.TOPICS) - 1
    assert {finding.to_do for finding in missing} == {"`guiche topics`"}
    (wrong,) = {f.to_do for f in found if "presence has partitions 1" in f.said}
    assert wrong.startswith("no service starts here")


@pytest.mark.usefixtures("well")
async def test_a_process_that_does_not_answer(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUICHE_API", f"http://{NOBODY}")
    found = (await _found(places))["gateway"]
    assert (found.said, "start it" in found.to_do) == ("does not answer", True)


@pytest.fixture
async def well(
    places: Places,
    postgres: Postgres,
    kafka: Kafka,
    kafka_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[dict[str, str]]:
    """A system without a fault: keys, database, topics, and one process that is ready."""
    make_keys(places.keys)
    database = postgres.new_database()
    for name in ("TICKETS_URLS", "DIRECTORY_URLS", "OUTBOUND_URLS", "PROJECTIONS_URLS", "BOT_URLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GUICHE_WEBHOOK", raising=False)
    monkeypatch.setenv("GUICHE_KEYS_DIR", str(places.keys))
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap)
    monkeypatch.setenv("KAFKA_PREFIX", kafka_prefix)
    await topics.apply(CommonSettings())
    app = web.Application()
    for path in ("/ready", "/health"):
        app.router.add_get(path, _nothing_waits)
    async with TestServer(app) as server:
        monkeypatch.setenv("GUICHE_API", str(server.make_url("")).rstrip("/"))
        yield {"database": database, "kafka": kafka.bootstrap, "prefix": kafka_prefix}


async def _nothing_waits(_: web.Request) -> web.Response:
    return web.json_response({"waiting_for": [], "stale": []})


async def _found(places: Places) -> dict[str, Finding]:
    return {finding.what: finding for finding in await diagnose(places)}


async def _visible(topic: str) -> None:
    while f"{topic} is missing" in await topics.differences(CommonSettings()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)  # nobody tells us: metadata has to be asked for
