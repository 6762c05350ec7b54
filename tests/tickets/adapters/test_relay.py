"""The log goes to Kafka whole and in order, whatever happens to the relay."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from services.tickets.adapters import relay
from services.tickets.adapters.feed import Feed
from services.tickets.adapters.positions import Position, PositionMovedError, RelayPosition
from services.tickets.adapters.relay import AFTER_PRODUCE, Producing, Relay, RelayLag
from services.tickets.settings import Settings
from services.tickets.storage.contract import Stored, UnknownKeyError
from services.tickets.storage.event_database import EventDatabase
from shared.contracts import tickets
from shared.plumbing import clock, failpoints, tasks
from shared.plumbing.failpoints import FailpointError
from shared.plumbing.kafka import Outgoing, Producer, PublishFailedError, Received
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.metrics import REGISTRY
from tests.tickets.adapters.conftest import wrapping_key
from tests.tickets.adapters.events import conversation_of, queued, received, stores
from tests.tickets.adapters.topics import messages_of

CONTACTS = [UUID(int=1000 + number) for number in range(12)]


def a_relay(database: EventDatabase, producer: Producing, holder: str = "tickets-1") -> Relay:
    return Relay(
        database.store,
        producer,
        RelayPosition(database.pool),
        Lease(database.pool, "relay", holder, 10.0),
        wake=asyncio.Event(),
        lease_seconds=10.0,
        poll_seconds=0.02,
    )


async def append(database: EventDatabase, contact: UUID, version: int, *events: object) -> None:
    verdict = await database.store.append(stores(contact, version, *events))
    assert isinstance(verdict, Stored)


async def fill(database: EventDatabase, each: int = 6) -> set[tuple[UUID, int]]:
    """Every contact says several things, all contacts at once; what is stored then."""

    async def talk(contact: UUID) -> None:
        for version in range(0, each, 2):
            await append(
                database, contact, version, received(contact, "oi"), queued(contact, "olá")
            )

    await asyncio.gather(*(talk(contact) for contact in CONTACTS))
    return {(conversation_of(c), v) for c in CONTACTS for v in range(1, each + 1)}


@asynccontextmanager
async def running(one: Relay) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task(one.run(Heartbeat()))
    try:
        yield task
    finally:
        await tasks.end(task)


async def published_up_to_the_head(database: EventDatabase) -> None:
    position = RelayPosition(database.pool)
    async with asyncio.timeout(20):
        while (await position.read()).log_id < await database.store.head():  # noqa: ASYNC110  SQL
            await asyncio.sleep(0.01)


def versions(messages: Sequence[Received]) -> list[tuple[UUID, int]]:
    found = [(m.envelope.stream, m.envelope.version) for m in messages]
    return [(stream, version) for stream, version in found if stream and version]


def first_occurrences(messages: Sequence[Received]) -> list[tuple[UUID, int]]:
    return list(dict.fromkeys(versions(messages)))


def assert_in_order(occurrences: Sequence[tuple[UUID, int]]) -> None:
    last: dict[UUID, int] = {}
    for stream, version in occurrences:
        assert version == last.get(stream, 0) + 1
        last[stream] = version


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


async def test_every_version_is_published_once_and_in_order_per_key(
    database: EventDatabase, producer: Producer, settings: Settings
) -> None:
    stored = await fill(database)
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
    messages = await messages_of(settings, "tickets.events")
    assert len(messages) == len(stored)
    assert set(versions(messages)) == stored
    assert_in_order(first_occurrences(messages))
    assert all(m.key == str(c).encode() for m in messages for c in CONTACTS if _of(m, c))
    orders = await messages_of(settings, "outbound.commands")
    assert len(orders) == len(stored) // 2, "each queued message orders one sending"


def _of(message: Received, contact: UUID) -> bool:
    return message.envelope.stream == conversation_of(contact)


async def test_what_is_stored_while_the_relay_runs_follows_at_once(
    database: EventDatabase, producer: Producer, settings: Settings
) -> None:
    async with running(a_relay(database, producer)):
        stored = await fill(database, each=20)
        await published_up_to_the_head(database)
    messages = await messages_of(settings, "tickets.events")
    assert sorted(versions(messages)) == sorted(stored)
    assert_in_order(first_occurrences(messages))


async def test_what_another_process_stored_is_published_though_nobody_tells(
    database: EventDatabase, producer: Producer
) -> None:
    """Nothing depends on a wake-up that may be lost (F12): this relay gets none."""
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
        await append(database, CONTACTS[0], 0, received(CONTACTS[0], "oi"))
        async with asyncio.timeout(5):
            await published_up_to_the_head(database)


async def test_a_crash_between_produce_and_position_repeats_and_skips_nothing(
    database: EventDatabase, producer: Producer, settings: Settings
) -> None:
    stored = await fill(database)
    failpoints.arm(f"{AFTER_PRODUCE}:raise")
    with pytest.raises(FailpointError):
        await a_relay(database, producer).run(Heartbeat())
    assert (await RelayPosition(database.pool).read()).log_id == 0
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
    messages = await messages_of(settings, "tickets.events")
    assert len(messages) == 2 * len(stored), "the crash came after the first produce"
    assert set(versions(messages)) == stored
    assert_in_order(first_occurrences(messages))


@pytest.mark.parametrize("crash", [False, True])
async def test_a_long_log_is_published_in_batches_that_are_read_ahead(
    database: EventDatabase,
    producer: Producer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    *,
    crash: bool,
) -> None:
    monkeypatch.setattr(relay, "BATCH", 10)
    stored = await fill(database)
    if crash:
        failpoints.arm(f"{AFTER_PRODUCE}:raise@3")
        with pytest.raises(FailpointError):
            await a_relay(database, producer).run(Heartbeat())
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
    messages = await messages_of(settings, "tickets.events")
    assert len(messages) == len(stored) + (10 if crash else 0)
    assert set(versions(messages)) == stored
    assert_in_order(first_occurrences(messages))


class Refusing:
    """A producer whose broker acknowledges nothing."""

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        raise PublishFailedError(len(messages))


async def test_the_position_does_not_move_before_the_acknowledgments(
    database: EventDatabase,
) -> None:
    await fill(database, each=2)
    with pytest.raises(PublishFailedError):
        await a_relay(database, Refusing()).run(Heartbeat())
    assert (await RelayPosition(database.pool).read()).log_id == 0


class Versioned:
    """A producer that stands still, as a process that was stopped, until it is let go."""

    def __init__(self, inner: Producing) -> None:
        self._inner = inner
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        self.reached.set()
        await self.go.wait()
        await self._inner.send_all(messages)


async def test_a_zombie_relay_cannot_move_the_position_back(
    database: EventDatabase, producer: Producer
) -> None:
    await append(database, CONTACTS[0], 0, received(CONTACTS[0], "um"))
    held = Versioned(producer)
    zombie = asyncio.create_task(a_relay(database, held).step(Position(1, 0), 1))
    await held.reached.wait()
    await append(database, CONTACTS[0], 1, received(CONTACTS[0], "dois"))
    position, found = await a_relay(database, producer, "tickets-2").step(Position(1, 0), 1)
    assert found == 2
    held.go.set()
    with pytest.raises(PositionMovedError):
        await zombie
    assert await RelayPosition(database.pool).read() == position


class Counting:
    """A producer that counts what passes."""

    def __init__(self, inner: Producing) -> None:
        self._inner = inner
        self.messages = 0

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        self.messages += len(messages)
        await self._inner.send_all(messages)


async def test_of_two_processes_one_relays_and_the_other_takes_over(
    database: EventDatabase, settings: Settings, producer: Producer
) -> None:
    other = EventDatabase(settings.database_url, wrapping_key)
    await other.open()
    first, second = Counting(producer), Counting(producer)
    async with running(a_relay(database, first)):
        await append(database, CONTACTS[0], 0, received(CONTACTS[0], "um"))
        await published_up_to_the_head(database)
        await a_relay(other, second, "tickets-2").run(Heartbeat())  # returns: the lease is held
    assert (first.messages, second.messages) == (1, 0)
    async with running(a_relay(other, second, "tickets-2")):
        await append(database, CONTACTS[0], 1, received(CONTACTS[0], "dois"))
        await published_up_to_the_head(database)
    assert (first.messages, second.messages) == (1, 1)
    await other.close()
    assert_in_order(first_occurrences(await messages_of(settings, "tickets.events")))


async def test_an_unknown_key_stops_the_relay_and_alarms(
    database: EventDatabase, settings: Settings, producer: Producer, admin_url: str
) -> None:
    await append(database, CONTACTS[0], 0, received(CONTACTS[0], "um"))
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("DELETE FROM tickets.contact_key")
    fresh = EventDatabase(settings.database_url, wrapping_key)  # keeps no keys in memory
    await fresh.open()
    with pytest.raises(UnknownKeyError):
        await a_relay(fresh, producer).run(Heartbeat())
    with pytest.raises(UnknownKeyError):
        await Feed(fresh.store).after(0, 10)
    await fresh.close()
    assert REGISTRY.get_sample_value("guiche_relay_stopped") == 1
    assert (await RelayPosition(database.pool).read()).log_id == 0
    assert await messages_of(settings, "tickets.events") == []


async def test_a_destroyed_key_is_published_as_a_tombstone(
    database: EventDatabase, settings: Settings, producer: Producer
) -> None:
    await append(database, CONTACTS[0], 0, received(CONTACTS[0], "um"), queued(CONTACTS[0], "r"))
    await database.keys.destroy(CONTACTS[0])
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
    told, _ = await messages_of(settings, "tickets.events")
    assert tickets.MessageReceived.read(told.body).content.type == "erased"
    assert await messages_of(settings, "outbound.commands") == []


async def test_an_event_that_nobody_can_read_keeps_its_place(
    database: EventDatabase, settings: Settings, producer: Producer, admin_url: str
) -> None:
    for version, text in enumerate(("um", "dois", "três")):
        await append(database, CONTACTS[0], version, received(CONTACTS[0], text))
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            "UPDATE tickets.event SET topic = 'tickets.Gone' WHERE originator_version = 2"
        )
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
    messages = await messages_of(settings, "tickets.events")
    assert [m.envelope.version for m in messages] == [1, 2, 3]
    assert messages[1].envelope.type == "tickets.Internal.v1"


async def test_the_feed_gives_the_very_messages_of_the_topic(
    database: EventDatabase, settings: Settings, producer: Producer
) -> None:
    await fill(database)
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
    topic = {m.envelope.id: m for m in await messages_of(settings, "tickets.events")}
    feed, after, found = Feed(database.store), 0, list[str]()
    while page := (await feed.after(after, 7)).events:
        for event in page:
            message = topic[event.id]
            assert (event.key.encode(), event.body.encode()) == (message.key, message.body)
            for name in ("type", "source", "time", "subject", "account", "position", "stream"):
                assert getattr(event, name) == getattr(message.envelope, name)
            for name in ("version", "causation", "correlation", "actor"):
                assert getattr(event, name) == getattr(message.envelope, name)
        found.extend(event.id for event in page)
        after = int(page[-1].position.partition(".")[2])
    assert sorted(found) == sorted(topic)


async def test_the_feed_gives_one_stream_from_a_version_on(database: EventDatabase) -> None:
    await fill(database)
    stream = conversation_of(CONTACTS[3])
    page = await Feed(database.store).stream(stream, 4, 100)
    assert [(event.stream, event.version) for event in page.events] == [
        (stream, version) for version in (4, 5, 6)
    ]
    assert page.head == await database.store.head()
    assert (await Feed(database.store).stream(uuid4(), 1, 100)).events == []


async def test_the_lag_is_the_age_of_the_oldest_event_that_is_not_published(
    database: EventDatabase, producer: Producer
) -> None:
    lag = RelayLag(database.store, RelayPosition(database.pool), clock.now)
    await fill(database, each=2)
    await lag.measure(Heartbeat())
    assert (REGISTRY.get_sample_value("guiche_relay_oldest_unpublished_seconds") or 0) > 0
    assert REGISTRY.get_sample_value("guiche_log_head") == await database.store.head()
    async with running(a_relay(database, producer)):
        await published_up_to_the_head(database)
    await lag.measure(Heartbeat())
    assert REGISTRY.get_sample_value("guiche_relay_oldest_unpublished_seconds") == 0
