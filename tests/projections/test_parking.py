"""What cannot be folded holds its key and only that; it is folded later, in order, once (D13)."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from aiokafka.structs import ConsumerRecord

from services.projections.adapters.event_decoder import delivered, from_kafka
from services.projections.adapters.parked import KeyParking
from services.projections.domain.events import Event
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.ports import Delivery
from services.projections.handlers.project import EpochRaisedError
from services.projections.read_models import READ_MODELS
from services.projections.storage import checkpoints
from shared.contracts import tickets as published
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.feed import FeedAwayError
from shared.plumbing.kafka import to_headers
from shared.plumbing.kafka.messages import Record
from shared.plumbing.loops import Heartbeat
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import Sealer
from tests.projections import stories
from tests.projections.running import dump, models
from tests.projections.stories import Customer, Log
from tests.support.stack import Postgres

SICK, WELL = Customer(1), Customer(2)


@dataclass(frozen=True, slots=True)
class Running:
    """The read models, and where what they cannot fold is parked."""

    processor: BatchProcessor
    parking: ParkedVersions
    pool: Pool

    async def reasons(self) -> list[str]:
        return [entry.reason for entry in await self.parking.list()]

    async def retry(self) -> None:
        for entry in await self.parking.list():
            await self.parking.retry(entry.seq)
        await self.parking.retry_due(Heartbeat())

    async def last_folded(self) -> dict[int, int]:
        async with self.pool.connection() as conn:
            return {n: each.log_id for n, each in (await checkpoints.load(conn)).items()}


@asynccontextmanager
async def running(postgres: Postgres, feed: Sequence[Event] = ()) -> AsyncGenerator[Running]:
    async with models(postgres, feed) as (project, pool):
        parking = ParkedVersions(pool, Sealer(bytes(32)), "projections")
        yield Running(BatchProcessor(project, KeyParking(parking, project)), parking, pool)


@asynccontextmanager
async def refused(pool: Pool) -> AsyncGenerator[None]:
    """Contacts of this name cannot be stored, as long as the block."""
    async with pool.connection() as conn:
        await conn.execute("ALTER TABLE contact ADD CONSTRAINT sick CHECK (name <> 'Veneno')")
    yield
    async with pool.connection() as conn:
        await conn.execute("ALTER TABLE contact DROP CONSTRAINT sick")


def by_kafka(log: Log, event: Event, body: bytes | None = None) -> Delivery:
    return from_kafka(_record(log, event, body))


def by_feed(log: Log, event: Event, body: bytes | None = None) -> Delivery:
    return delivered(stories.as_feed(log, event, body))


def sick_and_well() -> Log:
    """The first customer's fourth event is the one that may be refused."""
    log = Log()
    for who in (SICK, WELL):
        stories.arrives(log, who)
    stories.renamed(log, SICK, "Veneno")
    for who in (SICK, WELL):
        stories.says(log, who, 2, "alguém aí?")
        stories.accepted(log, who)
    return log


async def folded_whole(postgres: Postgres, log: Log) -> dict[str, list[str]]:
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        return await dump(pool)


@pytest.mark.parametrize("comes", [by_kafka, by_feed])
@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_a_poison_holds_its_key_only_and_is_folded_in_order_when_it_can_be(
    postgres: Postgres, comes: Callable[[Log, Event], Delivery], batch: int
) -> None:
    log = sick_and_well()
    whole = await folded_whole(postgres, log)
    async with running(postgres, log.events) as read_models:
        deliveries = [comes(log, event) for event in log.events]
        async with refused(read_models.pool):
            for first in range(0, len(deliveries), batch):
                await read_models.processor.process(deliveries[first : first + batch])
            assert await read_models.reasons() == ["CheckViolation", "behind", "behind"]
            assert _of(WELL, await dump(read_models.pool)) == _of(WELL, whole)
            await read_models.retry()
            assert len(await read_models.reasons()) == 3, "nothing overtakes what is still broken"
        assert max((await read_models.last_folded()).values()) == len(log.events)
        await read_models.retry()
        assert await read_models.reasons() == []
        assert _counted(await dump(read_models.pool)) == _counted(whole)


async def test_a_batch_that_comes_again_after_its_poison_was_mended_changes_nothing(
    postgres: Postgres,
) -> None:
    log = sick_and_well()
    async with running(postgres, log.events) as read_models:
        async with refused(read_models.pool):
            await read_models.processor.process([by_feed(log, event) for event in log.events])
            await read_models.processor.process([by_kafka(log, event) for event in log.events])
        await read_models.retry()
        assert await read_models.reasons() == []
        once = await dump(read_models.pool)
        await read_models.processor.process([by_kafka(log, event) for event in log.events])
        assert await dump(read_models.pool) == once
        assert _counted(once) == _counted(await folded_whole(postgres, log))


async def test_a_gap_that_the_feed_cannot_fill_holds_its_key_until_it_can(
    postgres: Postgres,
) -> None:
    log = sick_and_well()
    whole = await folded_whole(postgres, log)
    feed: list[Event] = []
    async with running(postgres, feed) as read_models:
        missing = log.events[1]  # the first ticket's first version
        seen = [by_kafka(log, event) for event in log.events if event is not missing]
        await read_models.processor.process(seen)
        assert (await read_models.reasons())[0] == "VersionMissingError"
        assert _of(WELL, await dump(read_models.pool)) == _of(WELL, whole)
        feed.extend(log.events)
        await read_models.retry()
        assert await read_models.reasons() == []
        assert _counted(await dump(read_models.pool)) == _counted(whole)


@pytest.mark.parametrize("comes", [by_kafka, by_feed])
async def test_a_body_that_does_not_read_is_parked_at_once_and_its_place_is_passed(
    postgres: Postgres, comes: Callable[[Log, Event, bytes | None], Delivery]
) -> None:
    log = sick_and_well()
    async with running(postgres) as read_models:
        deliveries = [comes(log, e, b"{}" if e.log_id == 2 else None) for e in log.events]
        await read_models.processor.process(deliveries)
        assert (await read_models.reasons())[0] == "UnreadableEventError"
        assert len(await read_models.reasons()) == 6
        assert max((await read_models.last_folded()).values()) == len(log.events)


async def test_a_record_without_our_headers_is_parked_and_holds_its_key(
    postgres: Postgres,
) -> None:
    log = sick_and_well()
    async with running(postgres) as read_models:
        first, *rest = log.events
        record = _record(log, first, None)
        record.headers = []
        await read_models.processor.process([from_kafka(record), *(by_kafka(log, e) for e in rest)])
        assert (await read_models.reasons())[:2] == ["unreadable", "behind"]
        whole = await folded_whole(postgres, log)
        assert _of(WELL, await dump(read_models.pool)) == _of(WELL, whole)


async def test_what_an_operator_skips_is_not_missed_by_its_successor(postgres: Postgres) -> None:
    log = sick_and_well()
    stories.renamed(log, SICK, "Marina")
    poison = next(e for e in log.events if isinstance(e.message, published.ContactRenamed))
    broken = replace(poison, message=None, fault="body_unreadable")
    feed = [broken if event is poison else event for event in log.events]
    async with running(postgres, feed) as read_models:
        await read_models.processor.process(
            [by_kafka(log, event, b"{}" if event is poison else None) for event in log.events]
        )
        first, *_ = await read_models.parking.list()
        await read_models.parking.skip(first.seq)
        await read_models.retry()
        assert await read_models.reasons() == []
        assert any("Marina" in line for line in (await dump(read_models.pool))["contact"])


async def test_nothing_is_parked_while_tickets_is_away(postgres: Postgres) -> None:
    log = sick_and_well()
    async with running(postgres, FeedThatIsAway()) as read_models:
        with pytest.raises(FeedAwayError):
            await read_models.processor.process([by_kafka(log, event) for event in log.events[1:]])
        assert await read_models.reasons() == []
        assert set((await read_models.last_folded()).values()) == {0}


async def test_a_higher_epoch_is_seen_on_a_held_key_too(postgres: Postgres) -> None:
    log = sick_and_well()
    async with running(postgres) as read_models, refused(read_models.pool):
        await read_models.processor.process([by_kafka(log, event) for event in log.events])
        stories.says(log, SICK, 3, "oi?")
        log.events[-1] = replace(log.events[-1], epoch=2)
        with pytest.raises(EpochRaisedError):
            await read_models.processor.process([by_kafka(log, log.events[-1])])
        async with read_models.pool.connection() as conn:
            assert await checkpoints.forget(conn, 2, READ_MODELS)
        assert await read_models.reasons() == []


class FeedThatIsAway(list[Event]):
    """tickets does not answer."""

    def __iter__(self):  # noqa: ANN204  read by the feed only
        raise FeedAwayError


def _record(log: Log, event: Event, body: bytes | None) -> Record:
    key, value = (
        str(log.contacts[event.stream]).encode(),
        body or (event.message or published.Internal()).body(),
    )
    return ConsumerRecord(
        topic=TICKETS_EVENTS.name,
        partition=event.partition,
        offset=event.log_id + 70,
        timestamp=int(event.time.timestamp() * 1000),
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key),
        serialized_value_size=len(value),
        headers=to_headers(stories.envelope_of(event)),
    )


def _of(who: Customer, tables: dict[str, list[str]]) -> dict[str, list[str]]:
    """The rows that name this customer."""
    ids: set[UUID] = {who.id, who.conversation, who.ticket()}
    return {
        name: [line for line in lines if any(str(id_) in line for id_ in ids)]
        for name, lines in tables.items()
    }


def _counted(tables: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without counters that are back at nothing."""
    return {**tables, "counter": [row for row in tables["counter"] if not row.endswith(",0)")]}
