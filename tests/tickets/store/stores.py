"""Stores over a test's database, and builders of what commands bring."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from services.tickets.storage.append import Batch
from services.tickets.storage.codec import Codec
from services.tickets.storage.contract import (
    Claim,
    Command,
    Expectation,
    ForeignStreamError,
    Meta,
    Stream,
    TimerSet,
    Verdict,
)
from services.tickets.storage.event_store import Recorder
from services.tickets.storage.keys import ContactKeys
from services.tickets.storage.store import EventStore
from services.tickets.storage.writer import Writer
from shared.plumbing.postgres import Pool, make_pool
from tests.tickets.store.events import EVENTS, Opened

WRAPPING_KEY = bytes(range(32))
ACCOUNT = UUID("0192f0c1-0000-7000-8000-000000000001")
OTHER_ACCOUNT = UUID("0192f0c1-0000-7000-8000-000000000002")


@dataclass
class Opening:
    """A running store and its parts."""

    store: EventStore
    writer: Writer
    recorder: Recorder
    keys: ContactKeys
    pool: Pool


async def wrapping_key(_: UUID) -> bytes:
    return WRAPPING_KEY


@asynccontextmanager
async def opened(
    url: str, *, writer_url: str | None = None, deadline_seconds: float = 8.0
) -> AsyncGenerator[Opening]:
    """A store over `url`; its writer may go through another address (a proxy)."""
    pool = make_pool(url, min_size=1, max_size=4)
    await pool.open()
    keys = ContactKeys(pool, wrapping_key)
    codec = Codec(EVENTS)
    recorder = Recorder(writer_url or url)
    writer = Writer(recorder, deadline_seconds=deadline_seconds)
    await writer.start()
    try:
        store = EventStore(pool, writer, codec, keys, asyncio.Event())
        yield Opening(store, writer, recorder, keys, pool)
    finally:
        await writer.stop()
        recorder.close()
        await pool.close()


async def in_one_call(
    opening: Opening, *commands: Command
) -> list[Verdict | ForeignStreamError | None]:
    """The verdicts of one call of the append; None is `again`."""
    batch = Batch([await opening.store.prepared(command) for command in commands])
    with opening.recorder.session() as session:
        return batch.verdicts(session.append(batch.arrays))


def a_meta(command: UUID | None = None) -> Meta:
    return Meta(datetime.now(UTC), "agent:ana", command or uuid4(), "correlation-1")


def a_stream(stream: UUID | None = None, key: UUID | None = None) -> Stream:
    stream = stream or uuid4()
    return Stream(stream, key or stream)


def a_command(
    *expectations: Expectation,
    take: Sequence[Claim] = (),
    release: Sequence[Claim] = (),
    timers: Sequence[TimerSet] = (),
    clear: Sequence[UUID] = (),
    outcome: bytes | None = None,
    command: UUID | None = None,
    account: UUID = ACCOUNT,
    seal_for: UUID | None = None,
) -> Command:
    return Command(
        account=account,
        meta=a_meta(command),
        expectations=expectations,
        take=tuple(take),
        release=tuple(release),
        set_timers=tuple(timers),
        clear_timers=tuple(clear),
        outcome=outcome,
        seal_for=seal_for,
    )


def writes(stream: Stream, version: int = 0, count: int = 1, by: str = "ana") -> Expectation:
    events = tuple(Opened(by=by, number=version + n) for n in range(1, count + 1))
    return Expectation(stream, version, events)


def reads(stream: Stream, version: int) -> Expectation:
    return Expectation(stream, version)


def a_claim(kind: str = "item", key: bytes | None = None, value: bytes = b"holder") -> Claim:
    return Claim(kind, key if key is not None else uuid4().bytes, value)
