"""Everything around the bot's process: Kafka, and a tickets and directory that the test plays."""

import asyncio
import base64
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString, TypeVar
from uuid import UUID

import aiohttp
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from deploy.local.ports import free_port
from shared.contracts.content import Buttons
from shared.contracts.envelope import Envelope
from shared.contracts.internal_api import FeedEvent, FeedPage, SecretsAnswer
from shared.contracts.ticket_commands import (
    TICKETS_COMMANDS_TYPES,
    HandOff,
    QueueAutomaticMessage,
    TicketCommand,
)
from shared.plumbing.kafka import Outgoing, Producer, Received
from shared.plumbing.kafka.consumption import read
from shared.plumbing.postgres import Pool
from shared.plumbing.settings import CommonSettings
from tests.bot.service.office import (
    DEMO,
    NOON,
    Customer,
    Log,
    database,
    reply_to,
    the_directory,
)
from tests.simulator.receiver import start
from tests.support.stack import Kafka, Postgres
from tests.support.waiting import until
from tests.wire.support import create_topics, publish

TOPICS = ("tickets.events", "tickets.replies", "tickets.commands", "bot.events", "directory.events")
SECRETS = SecretsAnswer(service_key=base64.b64encode(b"k" * 32).decode())
T = TypeVar("T")


@dataclass
class Tickets:
    """Answers commands, each id once and always the same; its customers answer the flow."""

    settings: CommonSettings
    producer: Producer
    log: Log = field(default_factory=Log)
    customers: dict[UUID, Customer] = field(default_factory=dict[UUID, Customer])
    commands: dict[UUID, TicketCommand] = field(default_factory=dict[UUID, TicketCommand])
    repeats: int = 0

    async def arrive(self, *numbers: int) -> None:
        for number in numbers:
            customer = Customer(self.log, number)
            self.customers[customer.contact_id] = customer
            await self.tell(customer.arrives())

    async def tell(self, messages: list[Received]) -> None:
        await self.producer.send_all(
            [Outgoing(each.topic, each.key, each.envelope, each.body) for each in messages]
        )

    async def serve(self) -> None:
        consumer = AIOKafkaConsumer(
            self.settings.topic("tickets.commands"),
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            group_id=None,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            while True:
                found = await consumer.getmany(timeout_ms=200)
                for record in [record for records in found.values() for record in records]:
                    await self._read(read(record, "tickets.commands"))
        finally:
            await consumer.stop()

    async def _read(self, received: Received | None) -> None:
        assert received is not None
        command = TICKETS_COMMANDS_TYPES[received.envelope.type].read(received.body)
        assert isinstance(command, TicketCommand)
        await self._take(command)

    async def _take(self, command: TicketCommand) -> None:
        before = self.commands.get(command.command_id)
        assert before is None or before == command, "one id, two commands"
        self.repeats += before is not None
        self.commands[command.command_id] = command
        reply = reply_to(command)
        envelope = Envelope(
            id=str(command.command_id),
            type=reply.TYPE,
            source="tickets",
            time=NOON,
            account=reply.account_id,
        )
        key = str(command.contact_id).encode()
        await self.producer.send_all([Outgoing("tickets.replies", key, envelope, reply.body())])
        if before is None:
            await self._follow(command)

    async def _follow(self, command: TicketCommand) -> None:
        customer = self.customers[command.contact_id]
        if isinstance(command, HandOff):
            await self.tell([customer.ends("handoff")])
        elif isinstance(command, QueueAutomaticMessage):
            content = command.content
            if isinstance(content, Buttons):
                button = content.buttons[1]
                await self.tell([customer.says(button.title, tap=button.id)])
            elif (content.readable() or "").startswith("Certo"):
                await self.tell([customer.says("quebrou")])

    def of(self, number: int) -> list[str]:
        """The kinds of commands of a customer, in order."""
        (contact_id,) = [id_ for id_, each in self.customers.items() if each.number == number]
        return [
            type(command).__name__
            for command in self.commands.values()
            if command.contact_id == contact_id
        ]

    async def feed(self, request: web.Request) -> web.Response:
        limit = int(request.query["limit"])
        if "stream" in request.query:
            found = await self.log.stream(UUID(request.query["stream"]), int(request.query["from"]))
        else:
            found = self.log.messages[int(request.query["after"]) :]
        events = [_told(each) for each in found[:limit]]
        after = found[: len(events)][-1].offset if events else int(request.query.get("after", 0))
        page = FeedPage(epoch=1, events=events, next_after=after, head=len(self.log.messages))
        return web.Response(text=page.model_dump_json(), content_type="application/json")


@dataclass
class Stand:
    """The process and what is around it."""

    tickets: Tickets
    pool: Pool
    port: int
    environment: dict[str, str]
    log: Path
    flows: Path
    http: aiohttp.ClientSession

    async def process(
        self, failpoint: str = "", *, jumping: bool = False, **more: str
    ) -> asyncio.subprocess.Process:
        through = ("tests.support.jumping",) if jumping else ()
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *through,
                "services.bot",
                env={**self.environment, **more, "FAILPOINT": failpoint},
                stderr=log,
            )

    async def stop(self, process: asyncio.subprocess.Process) -> None:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) in {0, -signal.SIGTERM}

    async def get(self, path: str) -> tuple[int, str]:
        with suppress(aiohttp.ClientError):
            async with self.http.get(f"http://127.0.0.1:{self.port}{path}") as answer:
                return answer.status, await answer.text()
        return 0, ""

    async def ready(self) -> None:
        await until(lambda: self.get("/ready"), lambda found: found[0] == 200)

    async def ended(self) -> int:
        return await self._count("SELECT count(*) FROM session WHERE state = 'ended'")

    async def pausing(self) -> int:
        return await self._count(
            "SELECT count(*) FROM timer JOIN session ON id = session_id WHERE node = 'pausa'"
        )

    async def _count(self, sql: LiteralString) -> int:
        async with self.pool.connection() as conn:
            found = await (await conn.execute(sql)).fetchone()
        return found[0] if found else 0


@asynccontextmanager
async def a_stand(
    postgres: Postgres, kafka: Kafka, prefix: str, keys_dir: Path, folder: Path
) -> AsyncGenerator[Stand]:
    settings = CommonSettings(kafka_bootstrap_servers=kafka.bootstrap, kafka_prefix=prefix)
    await create_topics(settings, *TOPICS)
    producer = Producer(settings)
    await producer.start()
    tickets = Tickets(settings, producer)
    internal = web.Application()
    internal.add_routes(
        [web.get("/internal/secrets", _secrets), web.get("/internal/events", tickets.feed)]
    )
    runner, internal_url = await start(internal)
    url = postgres.service_url(postgres.new_database(), "bot")
    port, flows = free_port(), folder / "flows"
    flows.mkdir()
    (flows / "recepcao.yaml").write_text(with_a_pause(DEMO.read_text()))
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "KAFKA_PREFIX": prefix,
        "GUICHE_KEYS_DIR": str(keys_dir),
        "DIRECTORY_URLS": internal_url,
        "TICKETS_URLS": internal_url,
        "BOT_PORT": str(port),
        "BOT_INSTANCE": "bot-1",
        "BOT_DATABASE_URL": url,
        "BOT_FLOWS_DIR": str(flows),
        "BOT_PUBLISH_SECONDS": "0.5",
    }
    await publish(settings, _directory())
    serving = asyncio.create_task(tickets.serve())
    try:
        async with database(url) as pool, aiohttp.ClientSession() as http:
            yield Stand(tickets, pool, port, environment, folder / "bot.log", flows, http)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await producer.stop()
        await runner.cleanup()


def with_a_pause(text: str) -> str:
    """The demo flow with a second to wait before its menu, so that timers fire."""
    pause = "  pausa: {type: wait, duration: 1s, interruptible: false, next: escolher_setor}\n\n"
    text = text.replace("    next: escolher_setor\n", "    next: pausa\n")
    return text.replace("  escolher_setor:\n", pause + "  escolher_setor:\n")


async def _secrets(_: web.Request) -> web.Response:
    return web.Response(text=SECRETS.model_dump_json(), content_type="application/json")


def _directory() -> list[Outgoing]:
    return [
        Outgoing(
            "directory.events",
            b"%d" % number,
            Envelope(id=str(number), type=message.TYPE, source="directory", time=NOON),
            message.body(),
        )
        for number, message in enumerate(the_directory())
    ]


def _told(received: Received) -> FeedEvent:
    envelope = received.envelope
    assert envelope.account is not None
    assert envelope.stream is not None
    return FeedEvent(
        key=received.key.decode(),
        id=envelope.id,
        type=envelope.type,
        source=envelope.source,
        time=envelope.time,
        subject=envelope.subject,
        account=envelope.account,
        position=envelope.position or "",
        stream=envelope.stream,
        version=envelope.version or 0,
        causation=None,
        correlation=None,
        actor=None,
        body=received.body.decode(),
    )
