"""Row "sending" of design.md 6: 300 ms per call, 50 numbers, against a bare aiohttp loop.

Meta is a process that answers after 300 ms and writes down what came. The floor posts the same
bodies with as many calls at once and keeps nothing. Ours is the whole service: commands from Kafka,
rows, attempts and outcomes in PostgreSQL, events back to Kafka; statuses are off. The rate is
Meta's: from the first call of a round to its last. KAFKA_BOOTSTRAP_SERVERS names a broker;
PostgreSQL is DATABASE_URL's, or one of its own.
"""

import asyncio
import base64
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from time import perf_counter
from uuid import UUID, uuid4, uuid5

import aiohttp
import uvicorn
import uvloop
from aiohttp import web
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.harness import Row, database, in_turns, middle, postgres, show
from services.outbound.app import build_app
from services.outbound.settings import Settings
from shared.contracts.content import Text
from shared.contracts.directory import ConnectionChanged
from shared.contracts.envelope import Envelope, Message
from shared.contracts.internal_api import AccountSecrets, ConnectionSecrets, SecretsAnswer
from shared.contracts.outbound import Recipient, SendMessage
from shared.contracts.topics import (
    DIRECTORY_EVENTS,
    INBOUND_EVENTS,
    OUTBOUND_COMMANDS,
    OUTBOUND_EVENTS,
)
from shared.plumbing import gc_tuning, logs
from shared.plumbing.http import Answer
from shared.plumbing.kafka import Outgoing, Producer

BAR_PER_SECOND = 1000.0
CALL_SECONDS, IN_FLIGHT, ROUNDS = 0.3, 512, 3
NUMBERS, CUSTOMERS, EACH = 50, 60, 3  # per number; texts per customer and round
TEXTS = NUMBERS * CUSTOMERS * EACH
ACCOUNT = UUID(int=1)


# --- Meta -----------------------------------------------------------------------------------------


@dataclass
class Heard:
    """What came since the last look."""

    calls: int = 0
    overtaken: int = 0
    first: float = 0.0
    last: float = 0.0
    newest: dict[str, int] = field(default_factory=dict[str, int])

    def note(self, to: str, number: int) -> None:
        self.last = perf_counter()
        self.first = self.first or self.last
        self.calls += 1
        self.overtaken += number <= self.newest.get(to, -1)
        self.newest[to] = number


def meta() -> web.Application:
    """Answers every text after 300 ms."""
    heard = [Heard()]

    async def messages(request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        heard[0].note(body["to"], int(body["text"]["body"]))
        await asyncio.sleep(CALL_SECONDS)
        return web.json_response({"messages": [{"id": f"wamid.{uuid4()}"}]})

    async def look(request: web.Request) -> web.Response:
        told = heard[0]
        if request.method == "DELETE":
            heard[0] = Heard()
        seconds = told.last - told.first
        return web.json_response(
            {"calls": told.calls, "overtaken": told.overtaken, "seconds": seconds}
        )

    app = web.Application()
    app.add_routes([web.post("/{number}/messages", messages), web.route("*", "/heard", look)])
    return app


# --- the processes --------------------------------------------------------------------------------


def connection(number: int) -> UUID:
    return uuid5(ACCOUNT, f"number {number}")


async def given_secrets() -> Answer:
    answer = SecretsAnswer(
        service_key=base64.b64encode(b"k" * 32).decode(),
        accounts=[AccountSecrets(account_id=ACCOUNT, pepper=base64.b64encode(b"p" * 32).decode())],
        connections=[
            ConnectionSecrets(connection_id=connection(n), access_token="t")  # noqa: S106
            for n in range(NUMBERS)
        ],
    )
    return Answer(200, answer.model_dump_json().encode(), {})


def serve(name: str) -> None:
    """A server on a free port, which it prints."""
    logs.setup("bench", name)
    gc_tuning.calm()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    if name == "meta":
        uvloop.install()
        web.run_app(meta(), sock=listener, print=None, access_log=None)
        return
    app = build_app(Settings(), fetch_secrets=given_secrets)
    uvicorn.Server(uvicorn.Config(app, loop="uvloop", log_config=None)).run(sockets=[listener])


@asynccontextmanager
async def server(name: str, **environment: str) -> AsyncGenerator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.sending", name),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.terminate()
        await process.wait()


# --- one run --------------------------------------------------------------------------------------


@dataclass
class Run:
    """Both sides, and Meta's word on each round."""

    meta_url: str
    http: aiohttp.ClientSession
    producer: Producer
    overtaken: int = 0
    rounds: "count[int]" = field(default_factory=count)

    async def floor(self) -> float:
        """Post and forget."""
        bodies = [(c, to_json(c)) for c in texts(next(self.rounds))]
        left = iter(bodies)

        async def call() -> None:
            for command, body in left:
                url = f"{self.meta_url}/{command.connection_id}/messages"
                async with self.http.post(url, json=body) as answer:
                    await answer.read()

        await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))
        return (await self.heard())["calls_per_second"]

    async def ours(self) -> float:
        """Publish commands, and wait until Meta has them all."""
        commands = texts(next(self.rounds))
        await self.producer.send_all([outgoing(OUTBOUND_COMMANDS.name, c) for c in commands])
        found = await self.heard()
        self.overtaken += int(found["overtaken"])
        return found["calls_per_second"]

    async def heard(self) -> dict[str, float]:
        async with asyncio.timeout(120):
            while (await self._look("GET"))["calls"] < TEXTS:  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)
        found = await self._look("DELETE")
        return {**found, "calls_per_second": found["calls"] / found["seconds"]}

    async def _look(self, method: str) -> dict[str, float]:
        async with self.http.request(method, f"{self.meta_url}/heard") as answer:
            found: dict[str, float] = await answer.json()
            return found


def texts(turn: int) -> Sequence[SendMessage]:
    """Each customer's texts bear rising numbers; every round has customers of its own."""
    return [
        a_text(number, f"{turn:02}{number:04}{customer:04}", each)
        for each in range(EACH)
        for customer in range(CUSTOMERS)
        for number in range(NUMBERS)
    ]


def a_text(number: int, customer: str, each: int) -> SendMessage:
    now, contact = datetime.now(UTC), uuid5(ACCOUNT, customer)
    return SendMessage(
        message_id=uuid4(),
        account_id=ACCOUNT,
        contact_id=contact,
        connection_id=connection(number),
        conversation_id=uuid5(contact, "conversation"),
        ticket_id=uuid5(contact, "ticket"),
        recipient=Recipient(phone=f"351{customer}"),
        content=Text(text=str(each)),
        window_closes_at=now + timedelta(hours=20),
        queued_at=now,
    )


def to_json(command: SendMessage) -> dict[str, object]:
    return {"to": command.recipient.phone, "text": {"body": command.content.readable()}}


def outgoing(topic: str, message: Message) -> Outgoing:
    key = message.contact_id if isinstance(message, SendMessage) else uuid4()
    envelope = Envelope(
        id=str(uuid4()), type=message.TYPE, source="bench", time=datetime.now(UTC), account=ACCOUNT
    )
    return Outgoing(topic, str(key).encode(), envelope, message.body())


async def prepare(settings: Settings, producer: Producer, meta_url: str) -> None:
    """Topics, and the numbers as directory tells them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    topics = (OUTBOUND_COMMANDS, OUTBOUND_EVENTS, INBOUND_EVENTS, DIRECTORY_EVENTS)
    await admin.create_topics(
        [
            NewTopic(settings.topic(t.name), t.partitions, 1, topic_configs=t.config())
            for t in topics
        ]
    )
    await admin.close()
    await producer.send_all(
        [
            outgoing(
                DIRECTORY_EVENTS.name,
                ConnectionChanged(
                    id=connection(number),
                    account_id=ACCOUNT,
                    name="bench",
                    waba_id="1",
                    phone_number_id=str(connection(number)),
                    display_phone=str(number),
                    graph_url=meta_url,
                ),
            )
            for number in range(NUMBERS)
        ]
    )


async def until_ready(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with http.get(f"{url}/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def measure(database_url: str) -> Sequence[Row]:
    settings = Settings(kafka_prefix=f"bench-{uuid4().hex[:8]}.")
    producer = Producer(settings)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        server("meta") as meta_url,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        await producer.start()
        await prepare(settings, producer, meta_url)
        ours = server(
            "ours",
            KAFKA_PREFIX=settings.kafka_prefix,
            OUTBOUND_DATABASE_URL=database_url,
            OUTBOUND_IN_FLIGHT=str(IN_FLIGHT),
        )
        async with ours as url:
            await until_ready(http, url)
            run = Run(meta_url, http, producer)
            rates = await in_turns(ROUNDS, run.floor, run.ours)
        await producer.stop()
    floor, found = middle(rates[0]), middle(rates[1])
    return [
        Row("texts/s to Meta", floor, found, BAR_PER_SECOND, ratio=found),  # the bar is absolute
        Row("texts that overtook another", 0, run.overtaken, 0, "<=", ratio=run.overtaken),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1])
    else:
        with postgres() as admin_url, database(admin_url, "outbound") as url:
            show(uvloop.run(measure(url)))
