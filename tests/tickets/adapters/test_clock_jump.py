"""The clock of one of two processes jumps while customers write (reliability.md F18).

Nothing is lost, doubled or overtaken; the relay keeps its lease; timers fire when they are due.
"""

import asyncio
import os
import sys
from asyncio.subprocess import Process, create_subprocess_exec
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import psycopg
import pytest

from deploy.local.ports import free_port
from services.tickets.settings import Settings
from shared.contracts.directory import ConnectionChanged
from tests.support.jumping import AHEAD, BACK
from tests.tickets.adapters.serving import (
    Served,
    a_text,
    customers_write,
    entities,
    outgoing,
    serve,
)
from tests.tickets.adapters.topics import messages_of
from tests.wire.support import publish

SILENCE_SECONDS = 2.0
CUSTOMERS, TEXTS = 6, 3


@asynccontextmanager
async def jumping(settings: Settings) -> AsyncGenerator[tuple[Process, Served]]:
    """A process of its own whose clock can be set."""
    port = free_port()
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_PREFIX": settings.kafka_prefix,
        "GUICHE_KEYS_DIR": str(settings.keys_dir),
        "TICKETS_DATABASE_URL": settings.database_url,
        "TICKETS_INSTANCE": settings.instance,
        "TICKETS_PORT": str(port),
        "TICKETS_BOT_SILENCE_SECONDS": str(settings.bot_silence_seconds),
        "TICKETS_TIMERS_POLL_SECONDS": str(settings.timers_poll_seconds),
    }
    modules = ("tests.support.jumping", "tests.tickets.adapters.tickets_process")
    process = await create_subprocess_exec(sys.executable, "-m", *modules, env=environment)
    try:
        async with aiohttp.ClientSession() as http:
            yield process, Served(f"http://127.0.0.1:{port}", http, settings.keys_dir)
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def entering(listening: Settings) -> Settings:
    """The number enters a flow whose bot is silent."""
    number = next(one for one in entities() if isinstance(one, ConnectionChanged))
    enters = number.model_copy(update={"entry": "flow"})
    await publish(listening, [outgoing("directory.events", str(number.id).encode(), enters)])
    quick = {"bot_silence_seconds": SILENCE_SECONDS, "timers_poll_seconds": 0.1}
    return listening.model_copy(update=quick)


@pytest.mark.timeout(240)
async def test_a_clock_that_jumps_changes_nothing(entering: Settings) -> None:
    other = entering.model_copy(update={"instance": "tickets-2"})
    began = datetime.now(UTC)
    async with jumping(entering) as (process, first):
        await until_answering(first)
        await first.until_ready()
        await until_relay(entering, "tickets-1")
        async with serve(other) as second:
            await second.until_ready()
            for round_, way in enumerate((AHEAD, BACK, BACK)):
                phones = [f"551190{round_}00{number:04}" for number in range(CUSTOMERS)]
                process.send_signal(way)
                for text in range(TEXTS):
                    await customers_write(entering, *(a_text(one, f"{text}") for one in phones))
                await second.until_told("MessageReceived", (round_ + 1) * CUSTOMERS * TEXTS)
                ended = await second.until_told("FlowSessionEnded", (round_ + 1) * CUSTOMERS)
                assert await relay(entering) == "tickets-1", "a lease was stolen"
                assert (await first.command(ended[0]["ticket_id"], "read")).status != 401
            opened = await second.until_told("TicketOpened", 3 * CUSTOMERS)
            said = await second.until_told("MessageReceived", 3 * CUSTOMERS * TEXTS)
            ended = await second.until_told("FlowSessionEnded", 3 * CUSTOMERS)
    assert_in_order(said)
    assert len(opened) == len(ended) == 3 * CUSTOMERS
    assert_in_time(opened, ended, began)
    assert_published_in_order([one.envelope.position for one in await events(entering)])


def assert_in_order(said: list[dict[str, Any]]) -> None:
    """Each text of each customer once."""
    by_contact: dict[str, list[str]] = {}
    for one in said:
        by_contact.setdefault(one["contact_id"], []).append(one["content"]["text"])
    assert list(by_contact.values()) == [[f"{n}" for n in range(TEXTS)]] * (3 * CUSTOMERS)


def assert_in_time(
    opened: list[dict[str, Any]], ended: list[dict[str, Any]], began: datetime
) -> None:
    """What the processes wrote as the time is the time; no silence was shorter than it may be."""
    at = {one["ticket_id"]: datetime.fromisoformat(one["occurred_at"]) for one in opened}
    for one in ended:
        over = datetime.fromisoformat(one["occurred_at"])
        assert began < over < datetime.now(UTC) + timedelta(seconds=1)
        assert over - at[one["ticket_id"]] > timedelta(seconds=SILENCE_SECONDS - 0.5)


async def events(settings: Settings) -> list[Any]:
    return await messages_of(settings, "tickets.events")


def assert_published_in_order(positions: list[str | None]) -> None:
    """Partition by partition; with one relay there is no repeat either."""
    found = [int((position or "").partition(".")[2].rpartition("-")[2]) for position in positions]
    assert len(set(found)) == len(found)


async def until_answering(served: Served) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await served.get("/ready")
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
            else:
                return


async def relay(settings: Settings) -> str | None:
    async with await psycopg.AsyncConnection.connect(settings.database_url) as conn:
        found = await conn.execute("SELECT holder FROM lease WHERE name = 'relay'")
        row = await found.fetchone()
    return row[0] if row else None


async def until_relay(settings: Settings, holder: str) -> None:
    async with asyncio.timeout(30):
        while await relay(settings) != holder:  # noqa: ASYNC110  SQL
            await asyncio.sleep(0.05)
