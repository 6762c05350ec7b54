"""What the rows of the store write: one command with an event of about 450 bytes, and its floor."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg

from services.tickets.storage.codec import Codec
from services.tickets.storage.contract import Command, Expectation, Meta, Stream
from services.tickets.storage.event_store import Recorder
from services.tickets.storage.keys import ContactKeys
from services.tickets.storage.store import EventStore
from services.tickets.storage.writer import Writer
from shared.plumbing.postgres import make_pool

ACCOUNT = uuid4()
OUTCOME = b"o" * 64
TABLE = """
CREATE TABLE bare (notification_id bigserial UNIQUE, account uuid NOT NULL, originator_id uuid,
    originator_version bigint, key uuid NOT NULL, topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL, PRIMARY KEY (originator_id, originator_version))
"""
INSERT_ONE = """
INSERT INTO bare (account, originator_id, originator_version, key, topic, state)
VALUES (%b, %b, %b, %b, %b, %b)
"""
INSERT_MANY = """
INSERT INTO bare (account, originator_id, originator_version, key, topic, state)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::uuid[], %b::text[], %b::bytea[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """As a ticket's events are: ids, an instant, a few words."""

    TOPIC: ClassVar[str] = "bench.TicketAccepted"
    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    sector_id: UUID
    agent_id: UUID
    occurred_at: datetime
    note: str


EVENTS = {Accepted.TOPIC: Accepted}
CODEC = Codec(EVENTS)


def an_event(ticket: UUID) -> Accepted:
    return Accepted(
        ticket_id=ticket,
        contact_id=ticket,
        connection_id=ACCOUNT,
        sector_id=ACCOUNT,
        agent_id=ACCOUNT,
        occurred_at=datetime.now(UTC),
        note="x" * 40,
    )


def a_meta(command: UUID) -> Meta:
    return Meta(datetime.now(UTC), f"agent:{ACCOUNT}", command, str(command))


def a_command(stream: UUID, version: int = 0) -> Command:
    """One expectation, one event, the own-id claim with its outcome."""
    expectation = Expectation(Stream(stream, stream), version, (an_event(stream),))
    return Command(ACCOUNT, a_meta(uuid4()), (expectation,), outcome=OUTCOME)


def a_bare_row() -> tuple[Any, ...]:
    """The same event, as bytes that cost nothing to make."""
    stream = uuid4()
    return ACCOUNT, stream, 1, stream, Accepted.TOPIC, STATE


def _state() -> bytes:
    stream = uuid4()
    return CODEC.encode(an_event(stream), CODEC.meta(a_meta(stream)), stream, 1, None)[1]


STATE = _state()


def bare_connection(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(url, autocommit=True)


def make_bare(url: str) -> None:
    with bare_connection(url) as conn:
        conn.execute(TABLE)


async def no_key(account: UUID) -> bytes:
    raise LookupError(account)


@asynccontextmanager
async def a_store(url: str) -> AsyncGenerator[EventStore]:
    """The whole adapter, as a service has it."""
    pool = make_pool(url, min_size=2, max_size=4)
    await pool.open()
    keys = ContactKeys(pool, no_key)
    recorder = Recorder(url)
    writer = Writer(recorder)
    await writer.start()
    try:
        yield EventStore(pool, writer, CODEC, keys, asyncio.Event())
    finally:
        await writer.stop()
        recorder.close()
        await pool.close()
