"""Row 1 of design.md 6: a webhook acknowledged after a durable write, against the least possible.

The floor is bare Starlette that produces the body to the same Kafka (acks=all, idempotent) and
looks at nothing. Each server is one process of uvicorn; one load generator asks both in one run, in
turns: as fast as they answer, then at 500 webhooks a second for the latencies. `python -m bench
webhook` brings a Kafka of its own; alone, the module needs KAFKA_BOOTSTRAP_SERVERS.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from math import inf
from time import perf_counter
from uuid import UUID, uuid4

import aiohttp
import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.harness import Row, in_turns, middle, show
from services.ingest.app import build_app
from services.ingest.settings import Settings
from shared.contracts.directory import ConnectionChanged
from shared.contracts.envelope import Envelope
from shared.contracts.internal_api import AccountSecrets, AppSecrets, SecretsAnswer
from shared.contracts.topics import DIRECTORY_EVENTS, INBOUND_EVENTS, INGEST_DEAD
from shared.plumbing import logs
from shared.plumbing.http import Answer
from shared.plumbing.kafka import Outgoing, Producer

BAR = 0.60
MEDIAN_MS, LATE_MS, LATE_SHARE = 50.0, 1000.0, 0.01
CALLERS, ROUNDS, SECONDS = 64, 3, 5.0
RATE, RATE_SECONDS = 500, 20.0
WARM_UP = 100
PATH = "/webhooks/whatsapp"
SECRET, ACCOUNT, CONNECTION = b"bench", UUID(int=1), UUID(int=2)
NUMBER, WABA = "100200300", "500"


# --- the two servers ------------------------------------------------------------------------------


def floor(settings: Settings) -> Starlette:
    """Read the bytes, write them, answer."""
    topic = settings.topic(INBOUND_EVENTS.name)
    producers: list[AIOKafkaProducer] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers, acks="all", enable_idempotence=True
        )
        await producer.start()
        producers.append(producer)
        yield
        await producer.stop()

    async def receive(request: Request) -> Response:
        body = await request.body()
        await producers[0].send_and_wait(topic, body, hashlib.sha256(body).digest())
        return Response()

    return Starlette(routes=[Route(PATH, receive, methods=["POST"])], lifespan=lifespan)


def ours(settings: Settings) -> Callable[..., Awaitable[None]]:
    """The whole service; only directory's answer is given."""
    answer = SecretsAnswer(
        service_key=base64.b64encode(b"k" * 32).decode(),
        accounts=[AccountSecrets(account_id=ACCOUNT, pepper=base64.b64encode(b"p" * 32).decode())],
        apps=[
            AppSecrets(
                app_id="bench",
                account_id=ACCOUNT,
                app_secrets=[SECRET.decode()],
                verify_token="bench",  # noqa: S106
                waba_ids=[WABA],
            )
        ],
    )

    async def given() -> Answer:
        return Answer(200, answer.model_dump_json().encode(), {})

    return build_app(settings, fetch_secrets=given)


def serve(name: str) -> None:
    logs.setup("bench", name)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    app = floor(Settings()) if name == "floor" else ours(Settings())
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        timeout_keep_alive=120,
    )
    uvicorn.Server(config).run(sockets=[listener])


# --- the load generator ---------------------------------------------------------------------------


@dataclass
class Load:
    """One server under load. Every body is another message of another customer."""

    http: aiohttp.ClientSession
    url: str
    numbers: "count[int]" = field(default_factory=count)

    async def post(self) -> float:
        """Milliseconds from asking to the 200; endless when refused: Meta would come again."""
        body = a_body(next(self.numbers))
        digest = hmac.digest(SECRET, body, hashlib.sha256).hex()
        started = perf_counter()
        async with self.http.post(
            self.url, data=body, headers={"X-Hub-Signature-256": f"sha256={digest}"}
        ) as response:
            if response.status != 200:
                return inf
        return (perf_counter() - started) * 1000

    async def as_fast_as_it_answers(self, seconds: float) -> float:
        """Webhooks a second."""
        ends = perf_counter() + seconds
        done = 0

        async def call() -> None:
            nonlocal done
            while perf_counter() < ends:
                taken = await self.post() < inf
                done += taken

        started = perf_counter()
        await asyncio.gather(*(call() for _ in range(CALLERS)))
        return done / (perf_counter() - started)

    async def at(self, rate: int, seconds: float) -> list[float]:
        """Latencies of an open loop: a late answer does not delay the next question."""
        started = perf_counter()
        tasks: list[asyncio.Task[float]] = []
        for number in range(int(rate * seconds)):
            wait = started + number / rate - perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(self.post()))
        return await asyncio.gather(*tasks)


def a_body(number: int) -> bytes:
    person = f"55119{number % 50_000_000 + 50_000_000}"
    message = {
        "from": person,
        "id": f"wamid.{number}",
        "timestamp": "1795694400",
        "type": "text",
        "text": {"body": "Olá, preciso de ajuda com o meu pedido número 123."},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551130001000", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "Maria Souza"}, "wa_id": person}],
        "messages": [message],
    }
    entry = {"id": WABA, "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


# --- one run --------------------------------------------------------------------------------------


async def prepare(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    topics = (INBOUND_EVENTS, INGEST_DEAD, DIRECTORY_EVENTS)
    await admin.create_topics(
        [NewTopic(settings.topic(topic.name), topic.partitions, 1) for topic in topics]
    )
    await admin.close()
    changed = ConnectionChanged(
        id=CONNECTION,
        account_id=ACCOUNT,
        name="bench",
        waba_id=WABA,
        phone_number_id=NUMBER,
        display_phone="551130001000",
        graph_url="http://127.0.0.1:1",
    )
    envelope = Envelope(id="1", type=changed.TYPE, source="bench", time=datetime.now(UTC))
    producer = Producer(settings)
    await producer.send_all(
        [Outgoing(DIRECTORY_EVENTS.name, str(CONNECTION).encode(), envelope, changed.body())]
    )
    await producer.stop()


@asynccontextmanager
async def server(name: str, settings: Settings) -> AsyncGenerator[Load]:
    environment = {**os.environ, "KAFKA_PREFIX": settings.kafka_prefix}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.webhook", name),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        port = int(await process.stdout.readline())
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:
            load = Load(http, f"http://127.0.0.1:{port}{PATH}")
            await _until_taken(load)
            yield load
    finally:
        process.terminate()
        await process.wait()


async def _until_taken(load: Load) -> None:
    """A hundred in a row: the service is ready, and each partition has its leader."""
    taken = 0
    async with asyncio.timeout(30):
        while taken < WARM_UP:
            try:
                taken = taken + 1 if await load.post() < inf else 0
            except aiohttp.ClientError:
                taken = 0


async def measure() -> Sequence[Row]:
    settings = Settings(kafka_prefix=f"bench-{uuid4().hex[:8]}.")
    await prepare(settings)
    async with server("floor", settings) as bare, server("ours", settings) as whole:
        rates = await in_turns(
            ROUNDS,
            lambda: bare.as_fast_as_it_answers(SECONDS),
            lambda: whole.as_fast_as_it_answers(SECONDS),
        )
        late = [await load.at(RATE, RATE_SECONDS) for load in (bare, whole)]
    above = [sum(one > LATE_MS for one in found) / len(found) for found in late]
    at = f"at {RATE}/s"
    return [
        Row("webhooks/s", middle(rates[0]), middle(rates[1]), BAR),
        # the bars of the latencies are absolute: ratio shows ours
        _absolute(f"webhook median ms {at}", middle(late[0]), middle(late[1]), MEDIAN_MS),
        _absolute(f"webhook share above 1 s {at}", above[0], above[1], LATE_SHARE),
    ]


def _absolute(name: str, floor: float, ours: float, bar: float) -> Row:
    return Row(name, floor, ours, bar, "<=", ratio=ours)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1])
    else:
        show(asyncio.run(measure()))
