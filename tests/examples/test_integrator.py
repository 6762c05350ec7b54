"""The example integrator on real Kafka: each closed ticket once, whatever is sent and killed."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from shared.contracts.envelope import Envelope, Message
from shared.contracts.tickets import Author, Internal, TicketClosed
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.kafka import Outgoing
from shared.plumbing.partitions import partition_of
from shared.plumbing.settings import CommonSettings
from tests.support.waiting import until_true
from tests.wire.support import create_topics, publish

PROGRAM = Path(__file__).parents[2] / "examples" / "integrator" / "closed_tickets.py"
MARIA, JOAO = b"00000000-0000-0000-0000-0000000000aa", b"00000000-0000-0000-0000-0000000000bb"
A, B, C = (UUID(int=n) for n in (1, 2, 3))
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Kafka(Protocol):
    """The session's broker."""

    bootstrap: str


@pytest.fixture
async def settings(kafka: Kafka, kafka_prefix: str) -> CommonSettings:
    made = CommonSettings(kafka_bootstrap_servers=kafka.bootstrap, kafka_prefix=kafka_prefix)
    await create_topics(made, TICKETS_EVENTS.name)
    return made


class Integrator:
    """The program, its database, and what it has said."""

    def __init__(self, settings: CommonSettings, database: Path) -> None:
        self._settings = settings
        self._database = database
        self.errors = b""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[asyncio.subprocess.Process]:
        """Until the block ends: then it is killed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            PROGRAM,
            self._database,
            env={
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": self._settings.kafka_bootstrap_servers,
                "KAFKA_PREFIX": self._settings.kafka_prefix,
            },
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            self.errors += (await process.communicate())[1]

    def rows(self, query: str) -> Sequence[tuple[Any, ...]]:
        if not self._database.exists():
            return []
        with closing(sqlite3.connect(self._database)) as db:
            try:
                return db.execute(query).fetchall()
            except sqlite3.OperationalError:  # no tables yet
                return []

    def closed(self) -> Sequence[tuple[Any, ...]]:
        return self.rows("SELECT ticket, version FROM closed ORDER BY rowid")

    def taken(self) -> int:
        return sum(found for (found,) in self.rows("SELECT next FROM place"))


@pytest.fixture
def integrator(settings: CommonSettings, tmp_path: Path) -> Integrator:
    return Integrator(settings, tmp_path / "closed.db")


def closed(ticket: UUID, version: int, key: bytes = MARIA) -> Outgoing:
    body = TicketClosed(
        ticket_id=ticket,
        contact_id=UUID(key.decode()),
        connection_id=UUID(int=9),
        occurred_at=AT,
        by=Author(kind="agent"),
        owner_id=None,
    )
    return _outgoing(body, ticket, version, key)


def internal(stream: UUID, version: int, key: bytes = MARIA) -> Outgoing:
    return _outgoing(Internal(), stream, version, key)


def _outgoing(body: Message, stream: UUID, version: int, key: bytes) -> Outgoing:
    envelope = Envelope(
        id=f"{stream}-{version}",
        type=body.TYPE,
        source="tickets",
        time=AT,
        stream=stream,
        version=version,
    )
    return Outgoing(TICKETS_EVENTS.name, key, envelope, body.body())


async def test_what_comes_twice_is_told_once(
    settings: CommonSettings, integrator: Integrator
) -> None:
    told = [internal(A, 1), closed(A, 2), closed(A, 2), internal(A, 1), closed(B, 1, JOAO)]
    await publish(settings, [*told, *told])
    async with integrator.running():
        await until_true(lambda: integrator.taken() == 10)
    assert sorted(integrator.closed()) == [(str(A), 2), (str(B), 1)]
    assert integrator.rows("SELECT * FROM held") == []
    assert integrator.errors == b""


async def test_a_key_with_a_gap_waits_and_the_others_go_on(
    settings: CommonSettings, integrator: Integrator
) -> None:
    await publish(settings, [internal(A, 1), closed(A, 3), closed(B, 1), closed(C, 1, JOAO)])
    async with integrator.running():
        await until_true(lambda: integrator.taken() == 4)
        assert integrator.closed() == [(str(C), 1)]
        await publish(settings, [closed(A, 4), internal(A, 2)])
        await until_true(lambda: integrator.taken() == 6)
    assert integrator.closed() == [(str(C), 1), (str(A), 3), (str(B), 1), (str(A), 4)]
    assert integrator.rows("SELECT * FROM held") == []
    assert f"ALARM: what is before {A} 3 is missing".encode() in integrator.errors


async def test_killed_and_started_again_it_goes_on_where_it_was(
    settings: CommonSettings, integrator: Integrator
) -> None:
    await publish(settings, [internal(A, 1), closed(A, 3)])
    async with integrator.running():
        await until_true(lambda: integrator.taken() == 2)
    await publish(settings, [internal(A, 1), internal(A, 2), closed(A, 4)])
    async with integrator.running():
        await until_true(lambda: integrator.taken() == 5)
    assert integrator.closed() == [(str(A), 3), (str(A), 4)]


async def test_a_stream_older_than_the_topic_begins_where_it_is_first_seen(
    settings: CommonSettings, integrator: Integrator
) -> None:
    await publish(settings, [closed(A, 41), internal(A, 42), closed(A, 43)])
    async with integrator.running():
        await until_true(lambda: integrator.taken() == 3)
    assert integrator.closed() == [(str(A), 41), (str(A), 43)]


async def test_away_for_longer_than_the_topic_keeps_it_stops(
    settings: CommonSettings, integrator: Integrator
) -> None:
    await publish(settings, [internal(A, 1)])
    async with integrator.running():
        await until_true(lambda: integrator.taken() == 1)
    await publish(settings, [internal(A, 2), internal(A, 3)])
    await _forget(settings, MARIA, before=2)
    async with integrator.running() as process:
        await asyncio.wait_for(process.wait(), 20)
    assert process.returncode == 1
    assert b"away for longer than the topic keeps" in integrator.errors


async def _forget(settings: CommonSettings, key: bytes, *, before: int) -> None:
    part = TopicPartition(
        settings.topic(TICKETS_EVENTS.name), partition_of(key, TICKETS_EVENTS.partitions)
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.delete_records({part: RecordsToDelete(before_offset=before)})
    await admin.close()
