"""A long conversation is loaded from where it was written down; a snapshot proves nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from services.tickets.storage.contract import (
    Command,
    Expectation,
    Meta,
    Stored,
    StoredEvent,
    Stream,
)
from services.tickets.storage.event_database import EventDatabase
from services.tickets.storage.snapshots import EVERY_EVENTS, Snapshots
from services.tickets.storage.state_cache import CONVERSATION, StateCache, save_grown
from shared.plumbing.loops import Heartbeat
from tests.support.builders import AT, received
from tests.tickets.handlers.office import ACCOUNT, Office

LONG = EVERY_EVENTS + 50


@dataclass(slots=True)
class Loads:
    """The store, and from which versions streams were loaded."""

    database: EventDatabase
    known: list[int] = field(default_factory=list[int])

    async def load(
        self, streams: Sequence[tuple[UUID, int]]
    ) -> Mapping[UUID, Sequence[StoredEvent]]:
        self.known += [version for _, version in streams]
        return await self.database.store.load(streams)

    def __getattr__(self, name: str) -> object:
        return getattr(self.database.store, name)


@dataclass(slots=True)
class Writing:
    """One process: its warm state, its snapshots, what it loads."""

    database: EventDatabase
    loads: Loads = field(init=False)
    snapshots: Snapshots = field(init=False)
    warm: StateCache = field(init=False)

    def __post_init__(self) -> None:
        self.loads = Loads(self.database)
        self.snapshots = Snapshots(self.database.pool, self.database.keys)
        self.warm = StateCache(self.loads, 100, self.snapshots)  # pyright: ignore[reportArgumentType]

    async def says(self, stream: Stream, count: int) -> None:
        held = await self.warm.get(CONVERSATION, stream.id)
        events = tuple(received(f"message-{held.version + n}") for n in range(count))
        command = Command(
            account=ACCOUNT,
            meta=Meta(AT, "contact", uuid4(), ""),
            expectations=(Expectation(stream, held.version, events),),
            seal_for=stream.key,
        )
        verdict = await self.database.store.append(command)
        assert isinstance(verdict, Stored)
        self.warm.stored(ACCOUNT, command.expectations, verdict)

    async def writes_down(self) -> None:
        await save_grown(self.warm, self.snapshots)(Heartbeat())


@pytest.fixture
def stream() -> Stream:
    return Stream(uuid4(), uuid4())


@pytest.fixture
def database(office: Office) -> EventDatabase:
    return office.database


async def test_another_process_loads_only_what_came_after_the_snapshot(
    database: EventDatabase, stream: Stream
) -> None:
    here, there = Writing(database), Writing(database)
    await here.says(stream, LONG)
    await here.writes_down()
    await here.says(stream, 7)

    held = await there.warm.get(CONVERSATION, stream.id)

    assert there.loads.known == [LONG]
    assert held == await here.warm.get(CONVERSATION, stream.id)
    assert held == await StateCache(database.store, 10).get(CONVERSATION, stream.id)


async def test_short_conversations_are_not_written_down_and_long_ones_once(
    database: EventDatabase, stream: Stream
) -> None:
    here = Writing(database)
    await here.says(stream, EVERY_EVENTS - 1)
    assert here.warm.grown() == []
    await here.says(stream, 1)
    await here.writes_down()
    await here.says(stream, 1)
    assert here.warm.grown() == []


async def test_an_older_snapshot_does_not_replace_a_newer_one(
    database: EventDatabase, stream: Stream
) -> None:
    here = Writing(database)
    await here.says(stream, LONG)
    (older,) = here.warm.grown()
    await here.says(stream, LONG)
    await here.writes_down()

    await here.snapshots.save(older)

    assert (await here.snapshots.load([stream.id]))[stream.id].version == 2 * LONG


async def test_a_snapshot_of_another_form_is_as_good_as_none(
    database: EventDatabase, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Writing(database), Writing(database)
    await here.says(stream, LONG)
    await here.writes_down()
    monkeypatch.setattr("services.tickets.storage.snapshots.SNAPSHOT_FORM", "conversation/other")

    held = await there.warm.get(CONVERSATION, stream.id)

    assert (there.loads.known, held.version) == ([0], LONG)
    await there.writes_down()
    assert (await there.snapshots.load([stream.id]))[stream.id].version == LONG


async def test_a_snapshot_is_sealed_and_gone_with_the_key(
    database: EventDatabase, stream: Stream
) -> None:
    here, there = Writing(database), Writing(database)
    await here.says(stream, LONG)
    state = (await here.warm.get(CONVERSATION, stream.id)).state
    assert state is not None
    wamid = state.messages[-1].wamid
    assert wamid
    await here.writes_down()
    async with database.pool.connection() as conn:
        row = await (await conn.execute("SELECT state FROM snapshot")).fetchone()
    assert row is not None
    assert wamid.encode() not in row[0]

    await database.keys.destroy(stream.key)

    assert await there.snapshots.load([stream.id]) == {}
    held = await there.warm.get(CONVERSATION, stream.id)
    assert held.state is not None
    assert {said.wamid for said in held.state.messages} == {None}


async def test_a_broken_snapshot_is_passed_over(database: EventDatabase, stream: Stream) -> None:
    here, there = Writing(database), Writing(database)
    await here.says(stream, LONG)
    await here.writes_down()
    async with database.pool.connection() as conn:
        await conn.execute("UPDATE snapshot SET state = 'nonsense'")

    assert (await there.warm.get(CONVERSATION, stream.id)).version == LONG
