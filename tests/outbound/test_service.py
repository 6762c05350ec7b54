"""The whole process, killed at each step: Meta never accepts an id twice, nothing is lost."""

import asyncio
import base64
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, LiteralString, Protocol
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from deploy.local.ports import free_port
from shared.contracts.directory import ConnectionChanged
from shared.contracts.envelope import Message
from shared.contracts.inbound import Status
from shared.contracts.internal_api import AccountSecrets, ConnectionSecrets, SecretsAnswer
from shared.contracts.outbound import MessageAccepted, SendMessage
from shared.plumbing import clock
from shared.plumbing.kafka import Outgoing, Producer
from shared.plumbing.postgres import Pool
from shared.plumbing.settings import CommonSettings
from tests.outbound.meta import NUMBER, Meta, meta, overtaken, truly_accepted
from tests.outbound.running import database
from tests.outbound.samples import ACCOUNT, CONNECTION, PEPPER, a_send
from tests.simulator.receiver import start
from tests.support import company
from tests.support.company import a_connection
from tests.support.jumping import AHEAD, BACK, JUMP
from tests.support.waiting import until
from tests.wire.support import create_topics, everything

CUSTOMERS = 6
A_MINUTE = timedelta(minutes=1)
AT_WORK: LiteralString = "SELECT session FROM queue WHERE state = 'sending' AND kind = 'send'"
SECRETS = SecretsAnswer(
    service_key=base64.b64encode(b"k" * 32).decode(),
    accounts=[AccountSecrets(account_id=ACCOUNT, pepper=base64.b64encode(PEPPER).decode())],
    connections=[ConnectionSecrets(connection_id=CONNECTION, access_token="t")],  # noqa: S106
)


class Postgres(Protocol):
    """The session's server."""

    def new_database(self) -> str: ...

    def service_url(self, database: str, service: str) -> str: ...


class Kafka(Protocol):
    """The session's broker."""

    bootstrap: str


@dataclass
class Stand:
    """Everything around the process."""

    settings: CommonSettings
    environment: dict[str, str]
    port: int
    simulator: Meta
    producer: Producer
    pool: Pool
    log: Path

    async def publish(self, topic: str, *messages: Message) -> None:
        await self.producer.send_all([outgoing(topic, message) for message in messages])

    async def process(
        self, failpoint: str = "", *, jumping: bool = False, **more: str
    ) -> asyncio.subprocess.Process:
        through = ("tests.support.jumping",) if jumping else ()
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *through,
                "services.outbound",
                env={**self.environment, **more, "FAILPOINT": failpoint},
                stderr=log,
            )

    async def get(self, path: str, port: int = 0) -> tuple[int, str]:
        url = f"http://127.0.0.1:{port or self.port}{path}"
        with suppress(aiohttp.ClientError):
            async with self.simulator.http.get(url) as answer:
                return answer.status, await answer.text()
        return 0, ""

    async def until_ready(self, *ports: int) -> None:
        for port in ports:
            await until(
                partial(self.get, "/ready", port), lambda found: found[0] == 200, seconds=60
            )

    async def jump(
        self, process: asyncio.subprocess.Process, way: signal.Signals, *, to: timedelta
    ) -> None:
        """The process's clock is set; returns when it is so far ahead of the database's."""
        process.send_signal(way)
        await until(
            lambda: self.get("/metrics"), lambda found: abs(ahead(found[1]) - to) < A_MINUTE
        )

    async def rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def states(self) -> dict[UUID, str]:
        return dict(await self.rows("SELECT message_id, state FROM queue"))

    async def end(self, process: asyncio.subprocess.Process) -> None:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) in {0, -signal.SIGTERM}

    async def accepted(self) -> set[UUID]:
        """Whom outbound.events calls accepted."""
        bodies = [body for _, body in await everything(self.settings, "outbound.events")]
        return {MessageAccepted.read(body).message_id for body in bodies if b'"wamid"' in body}


def ahead(metrics: str) -> timedelta:
    """How far the clock of the process is ahead of the database's, as it says itself."""
    found = re.search(r"^guiche_clock_offset_seconds\S* (\S+)$", metrics, re.MULTILINE)
    return timedelta(seconds=float(found[1])) if found else timedelta.max


def outgoing(topic: str, message: Message) -> Outgoing:
    key = message.contact_id if isinstance(message, SendMessage) else uuid4()
    return company.outgoing(topic, key, message)


@pytest.fixture
async def stand(
    postgres: Postgres, kafka: Kafka, kafka_prefix: str, keys_dir: Path, tmp_path: Path
) -> AsyncIterator[Stand]:
    settings = CommonSettings(kafka_bootstrap_servers=kafka.bootstrap, kafka_prefix=kafka_prefix)
    topics = ("outbound.commands", "outbound.events", "inbound.events", "directory.events")
    await create_topics(settings, *topics)
    producer = Producer(settings)
    await producer.start()

    async def as_ingest(statuses: list[Status]) -> None:
        await producer.send_all([outgoing("inbound.events", status) for status in statuses])

    async def secrets(_: web.Request) -> web.Response:
        return web.Response(text=SECRETS.model_dump_json(), content_type="application/json")

    directory = web.Application()
    directory.add_routes([web.get("/internal/secrets", secrets)])
    runner, directory_url = await start(directory)
    url = postgres.service_url(postgres.new_database(), "outbound")
    port = free_port()
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "KAFKA_PREFIX": kafka_prefix,
        "GUICHE_KEYS_DIR": str(keys_dir),
        "GUICHE_MEDIA_URL": str(tmp_path / "media"),
        "DIRECTORY_URLS": directory_url,
        "OUTBOUND_PORT": str(port),
        "OUTBOUND_INSTANCE": "outbound-1",
        "OUTBOUND_DATABASE_URL": url,
    }
    async with meta(as_ingest) as simulator, database(url) as pool:
        made = Stand(
            settings, environment, port, simulator, producer, pool, tmp_path / "outbound.log"
        )
        await made.publish("directory.events", the_connection(simulator))
        await simulator.customers_write(CUSTOMERS)
        yield made
    await producer.stop()
    await runner.cleanup()


def the_connection(simulator: Meta) -> ConnectionChanged:
    return a_connection(
        ACCOUNT,
        CONNECTION,
        waba_id=NUMBER.waba_id,
        phone_number_id=NUMBER.phone_number_id,
        display_phone=NUMBER.display_phone,
        graph_url=simulator.graph_url,
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "failpoint",
    [
        "outbound.after_attempt:kill@5",
        "outbound.after_socket:kill@5",
        "outbox.after_produce:kill@1",
    ],
)
async def test_killed_at_any_step_each_text_is_accepted_once_at_most(
    stand: Stand, failpoint: str
) -> None:
    commands = [a_send(n % CUSTOMERS, at=clock.now()) for n in range(CUSTOMERS * 5)]
    await stand.publish("outbound.commands", *commands)
    process = await stand.process(failpoint)
    assert await asyncio.wait_for(process.wait(), 90) == -signal.SIGKILL
    again = await stand.process()
    try:
        await until(
            stand.states,
            lambda found: (
                len(found) == len(commands) and set(found.values()) <= {"accepted", "unknown"}
            ),
            seconds=60,
        )
        await stand.simulator.settled()
        accepted = truly_accepted(await stand.simulator.requests())
        assert set(accepted.values()) == {1}
        told = await until(stand.accepted, lambda found: found == accepted.keys(), seconds=30)
        states = await stand.states()
        lost = {id_ for id_, state in states.items() if state == "unknown"}
        assert lost == {command.message_id for command in commands} - told
        assert len(lost) <= CUSTOMERS, "more than were in flight"
        gauge = f'guiche_outbound_rows{{service="outbound",state="unknown"}} {len(lost)}.0'
        await until(lambda: stand.get("/metrics"), lambda found: gauge in found[1])
        await stand.until_ready(stand.port)
        assert (await stand.get("/health"))[0] == 200
    finally:
        await stand.end(again)
    for canary in (b"5511951234567", b"wamid", b"Ol\xc3\xa1"):
        assert canary not in stand.log.read_bytes()


@pytest.mark.timeout(240)
async def test_of_two_processes_one_is_killed_and_the_other_goes_on(stand: Stand) -> None:
    await stand.simulator.fault("slow", ms=400, rate=1)
    commands = [a_send(n % CUSTOMERS, at=clock.now()) for n in range(CUSTOMERS * 8)]
    first = await stand.process()
    port = free_port()
    second = await stand.process(OUTBOUND_INSTANCE="outbound-2", OUTBOUND_PORT=str(port))
    try:
        await stand.until_ready(stand.port, port)
        await stand.publish("outbound.commands", *commands)
        (one,), (other,) = await stand.rows("SELECT session FROM worker ORDER BY instance")
        # the one that is at work dies, whichever it is: a number's rows may all go to one
        ((dead,), *_) = await until(lambda: stand.rows(AT_WORK), seconds=60)
        victim = first if dead == one else second
        assert dead in {one, other}
        victim.kill()
        await victim.wait()
        await until(
            stand.states,
            lambda found: (
                len(found) == len(commands) and set(found.values()) <= {"accepted", "unknown"}
            ),
            seconds=90,
        )
        lost = await stand.rows("SELECT DISTINCT session FROM queue WHERE state = 'unknown'")
        assert lost in ([], [(dead,)]), "the living one lost its rows"
        requests = await stand.simulator.requests()
        assert set(truly_accepted(requests).values()) == {1}
        assert not overtaken(requests, commands)
        told = await until(
            stand.accepted, lambda found: len(found) >= len(commands) - CUSTOMERS, seconds=30
        )
        assert told <= truly_accepted(requests).keys()
    finally:
        for process in (first, second):
            if process.returncode is None:
                await stand.end(process)


@pytest.mark.timeout(240)
async def test_a_clock_that_jumps_loses_doubles_and_delays_nothing(stand: Stand) -> None:
    process = await stand.process(jumping=True)
    commands: list[SendMessage] = []

    async def queue_some() -> None:
        some = [a_send(n % CUSTOMERS, at=clock.now()) for n in range(CUSTOMERS * 2)]
        commands.extend(some)
        await stand.publish("outbound.commands", *some)

    try:
        await stand.until_ready(stand.port)
        await queue_some()
        for way, to in ((AHEAD, JUMP), (BACK, timedelta(0)), (BACK, -JUMP)):
            await stand.jump(process, way, to=to)
            await queue_some()
            await until(
                stand.states,
                lambda found: len(found) == len(commands) and set(found.values()) == {"accepted"},
                seconds=40,
            )
        requests = await stand.simulator.requests()
        assert truly_accepted(requests) == {command.message_id: 1 for command in commands}
        assert not overtaken(requests, commands)
    finally:
        await stand.end(process)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("way", "jump", "closes", "state"),
    [(AHEAD, JUMP, 5 * A_MINUTE, "accepted"), (BACK, -JUMP, -A_MINUTE, "refused")],
)
async def test_the_window_is_judged_by_the_database_and_not_by_a_clock_that_jumped(
    stand: Stand, way: signal.Signals, jump: timedelta, closes: timedelta, state: str
) -> None:
    process = await stand.process(jumping=True)
    try:
        await stand.until_ready(stand.port)
        await stand.jump(process, way, to=jump)
        command = a_send(at=clock.now(), window=closes)
        await stand.publish("outbound.commands", command)
        await until(stand.states, lambda found: found == {command.message_id: state})
        assert len(await stand.simulator.requests()) == (state == "accepted")
    finally:
        await stand.end(process)
