"""Nobody takes what a flow handed over: bot and tickets over real Kafka, the timer of real time."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import create_subprocess_exec
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from uuid import uuid5

import aiohttp
import pytest
from aiohttp import web

from deploy.local.ports import free_port
from services.tickets.settings import Settings
from shared.contracts.directory import ConnectionChanged
from tests.simulator.receiver import start
from tests.support.stack import Postgres
from tests.tickets.adapters.serving import (
    ACCOUNT,
    HEARD,
    SECRETS,
    Served,
    a_text,
    announce,
    customers_write,
    entities,
    outgoing,
    serve,
)
from tests.wire.support import create_topics, publish

PHONE = "5511987654321"
FLOW = """
key: espera
name: Espera
entry: ola
defaults: {refused: pessoa}
nodes:
  ola: {type: message, text: "Olá, {nome|cliente}", next: pessoa}
  pessoa:
    type: hand_off
    unclaimed: UNCLAIMED
"""


@asynccontextmanager
async def bot_beside(
    served: Served, settings: Settings, postgres: Postgres, flows: Path
) -> AsyncGenerator[None]:
    """A process of the bot that is ready, with its own database and directory's answer."""
    port = free_port()
    internal = web.Application()
    internal.add_routes([web.get("/internal/secrets", _secrets)])
    runner, url = await start(internal)
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_PREFIX": settings.kafka_prefix,
        "GUICHE_KEYS_DIR": str(settings.keys_dir),
        "DIRECTORY_URLS": url,
        "TICKETS_URLS": served.url,
        "BOT_PORT": str(port),
        "BOT_INSTANCE": "bot-1",
        "BOT_DATABASE_URL": postgres.service_url(postgres.new_database(), "bot"),
        "BOT_FLOWS_DIR": str(flows),
    }
    with (flows / "bot.log").open("wb") as log:
        process = await create_subprocess_exec(
            sys.executable, "-m", "services.bot", env=environment, stderr=log
        )
    try:
        await _ready(f"http://127.0.0.1:{port}/ready")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)
        await runner.cleanup()


async def _ready(url: str) -> None:
    async with asyncio.timeout(90), aiohttp.ClientSession() as http:
        while True:
            with suppress(aiohttp.ClientError):
                async with http.get(url) as answer:
                    if answer.status == HTTPStatus.OK:
                        return
            await asyncio.sleep(0.05)


async def _secrets(_: web.Request) -> web.Response:
    return web.Response(text=SECRETS.model_dump_json(), content_type="application/json")


async def enters_the_flow(settings: Settings) -> None:
    await create_topics(settings, *HEARD, "bot.events")
    await announce(settings)
    number = next(one for one in entities() if isinstance(one, ConnectionChanged))
    flow_id = uuid5(ACCOUNT, "flow:espera")
    enters = number.model_copy(update={"entry": "flow", "flow_id": flow_id})
    await publish(settings, [outgoing("directory.events", str(number.id).encode(), enters)])


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("unclaimed", "says"),
    [
        ("{after: 1s, then: message, text: 'Já vamos, {nome}'}", "Já vamos, Cliente"),
        ("{after: 1s, then: flow}", "Olá, Cliente"),
    ],
)
async def test_who_waits_hears_of_us_again_and_waits_on(
    settings: Settings, postgres: Postgres, tmp_path: Path, unclaimed: str, says: str
) -> None:
    (tmp_path / "espera.yaml").write_text(FLOW.replace("UNCLAIMED", unclaimed))
    await enters_the_flow(settings)
    async with (
        serve(settings) as served,
        bot_beside(served, settings, postgres, tmp_path),
    ):
        await served.until_ready()
        await customers_write(settings, a_text(PHONE, "oi"))
        said = await served.until_told("MessageQueued", 2)
        assert [one["content"]["text"] for one in said] == ["Olá, Cliente", says]
        ticket = said[0]["ticket_id"]
        starts = 2 if says.startswith("Olá") else 1
        await served.until_told("TicketQueued", starts)
        accepted = await served.command(ticket, "accept")
        assert accepted.status == 200
        assert len(await served.until_told("FlowSessionStarted", starts)) == starts
