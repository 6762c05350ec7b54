"""The past is read from the feed: once, after an absence, and again after a restore."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.bot.adapters.catch_up import CatchUp
from services.bot.handlers.ports import Page
from services.bot.handlers.ticket_events import EpochRaisedError, PastUnknownError
from shared.contracts.ticket_commands import QueueAutomaticMessage
from shared.plumbing.kafka import Producer, Received
from shared.plumbing.loops import Heartbeat, Lease
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from tests.bot.service.office import Customer, Log, Office


class CrashError(Exception):
    """The process dies."""


class Feed:
    """Pages of two over a log; after `pages` of them, the process that reads them crashes."""

    def __init__(self, log: Log, epoch: int = 1, pages: int = 1000) -> None:
        self.log, self.epoch, self.asked, self.pages = log, epoch, list[int](), pages

    async def after(self, log_id: int) -> Page:
        self.asked.append(log_id)
        if len(self.asked) > self.pages:
            raise CrashError
        found = self.log.messages[log_id : log_id + 2]
        messages = [restored(each, self.epoch) for each in found]
        return Page(self.epoch, messages, log_id + len(found), len(self.log.messages))


def restored(received: Received, epoch: int) -> Received:
    """As a store of that epoch tells it."""
    position = f"{epoch}.{received.envelope.log_id}"
    return replace(received, envelope=replace(received.envelope, position=position))


def catch_up(office: Office, feed: Feed) -> tuple[CatchUp, ParkedVersions]:
    parking = ParkedVersions(office.pool, Sealer(b"k" * 32), "bot")
    parking.handles("tickets.events", office.ticket_events.handle)
    made = CatchUp(
        office.pool,
        office.store,
        office.sessions,
        office.ticket_events,
        feed,
        parking,
        Outbox(office.pool, Producer(CommonSettings())),
        Lease(office.pool, "feed", "bot-1", 30.0),
        lambda: office.now,
    )
    return made, parking


@pytest.fixture
async def fresh(pool: Pool) -> Office:
    """The demo flow is published; the past has not been read."""
    made = Office(pool, Log())
    await made.publishing.look()
    return made


async def test_only_what_still_runs_at_the_head_begins(fresh: Office) -> None:
    over, running = Customer(fresh.log, 1), Customer(fresh.log, 2)
    over.arrives()
    running.arrives()
    over.ends("bot_silent")
    running.says("suporte")
    await catch_up(fresh, Feed(fresh.log))[0].run()
    commands = await fresh.commands()
    assert {command.session_id for command in commands} == {running.session_id}
    await fresh.answers()
    assert (await fresh.path(running.session_id))[-1] == "assunto"


async def test_the_feed_is_read_once_and_again_after_a_long_absence(fresh: Office) -> None:
    Customer(fresh.log).arrives()
    feed = Feed(fresh.log)
    reader, _ = catch_up(fresh, feed)
    await reader.run()
    await reader.run()
    assert feed.asked == [0, 2]
    fresh.now += timedelta(hours=47)
    await reader.seen(Heartbeat())
    fresh.now += timedelta(hours=47)
    await reader.run()
    assert feed.asked == [0, 2]
    fresh.now += timedelta(hours=2)
    Customer(fresh.log, 2).arrives()
    await reader.run()
    assert feed.asked == [0, 2, 4, 6]
    assert len([c for c in await fresh.commands() if isinstance(c, QueueAutomaticMessage)]) == 2


async def test_nothing_is_taken_from_kafka_before_the_past_is_known(fresh: Office) -> None:
    with pytest.raises(PastUnknownError):
        await fresh.takes(*Customer(fresh.log).arrives())
    assert await fresh.rows("SELECT * FROM session") == []


async def test_what_waits_for_the_past_forgets_nothing_of_it(fresh: Office) -> None:
    """A page has been taken; its position is not stored yet, and Kafka brings the next message."""
    customer = Customer(fresh.log)
    await fresh.ticket_events.take(customer.arrives(), begin=False)
    noted = await fresh.rows("SELECT id, state FROM session")
    versions = await fresh.rows("SELECT * FROM stream_version ORDER BY stream")
    with pytest.raises(PastUnknownError):
        await fresh.takes(customer.says("1"))
    assert noted == [(customer.session_id, "noted")]
    assert await fresh.rows("SELECT id, state FROM session") == noted
    assert await fresh.rows("SELECT * FROM stream_version ORDER BY stream") == versions


async def test_a_crash_while_the_past_is_read_skips_none_of_it(fresh: Office) -> None:
    """A process that was still running marks itself as seen in the meantime."""
    for number in (1, 2):
        Customer(fresh.log, number).arrives()
    feed = Feed(fresh.log, pages=1)
    with pytest.raises(CrashError):
        await catch_up(fresh, feed)[0].run()
    other, _ = catch_up(fresh, Feed(fresh.log))
    await other.seen(Heartbeat())
    again = Feed(fresh.log)
    await catch_up(fresh, again)[0].run()
    assert again.asked == [2, 4, 6]
    assert len(await fresh.said()) == 2


async def test_a_crash_while_a_long_absence_is_made_up_skips_none_of_it(fresh: Office) -> None:
    Customer(fresh.log, 1).arrives()
    await catch_up(fresh, Feed(fresh.log))[0].run()
    fresh.now += timedelta(hours=49)
    Customer(fresh.log, 2).arrives()
    crashing = catch_up(fresh, Feed(fresh.log, pages=0))[0]
    with pytest.raises(CrashError):
        await crashing.run()
    await crashing.seen(Heartbeat())
    feed = Feed(fresh.log)
    await catch_up(fresh, feed)[0].run()
    assert feed.asked == [4, 6]
    assert len(await fresh.said()) == 2


async def test_a_poison_in_the_past_is_parked_with_its_key(fresh: Office) -> None:
    bad, good = Customer(fresh.log, 1), Customer(fresh.log, 2)
    arrived = bad.arrives()
    good.arrives()
    place = fresh.log.messages.index(arrived[2])
    fresh.log.messages[place] = replace(arrived[2], body=b"{}")
    reader, parking = catch_up(fresh, Feed(fresh.log))
    await reader.run()
    assert {command.session_id for command in await fresh.commands()} == {good.session_id}
    entries = await parking.list()
    assert [entry.reason for entry in entries] == ["UnprocessableError", "behind"]
    for entry in entries:
        await parking.skip(entry.seq)
    await fresh.takes(bad.ends("bot_silent"))  # is the next: what was skipped is not missing
    assert fresh.log.asked == []


async def test_a_restored_store_is_read_again_from_its_beginning(fresh: Office) -> None:
    customer, over = Customer(fresh.log, 1), Customer(fresh.log, 2)
    customer.arrives()
    over.arrives()
    over.ends("bot_silent")
    reader, _ = catch_up(fresh, Feed(fresh.log))
    await reader.run()
    await fresh.answers()
    with pytest.raises(EpochRaisedError):
        await fresh.takes(restored(customer.says("1"), epoch=2))
    assert await fresh.rows("SELECT id FROM session") == []
    feed = Feed(fresh.log, epoch=2)
    await catch_up(fresh, feed)[0].run()
    assert feed.asked[0] == 0
    before = {command.command_id for command in await fresh.commands()}
    await fresh.answers()
    assert (await fresh.path(customer.session_id))[-1] == "assunto"
    await fresh.takes(customer.says("from the store that was lost"))
    assert len({command.command_id for command in await fresh.commands()} - before) <= 2
    assert (await fresh.session(customer.session_id)).queue == ()
    assert await fresh.path(over.session_id) == []
    assert (await fresh.session(over.session_id)).finished == "bot_silent"
    assert (await fresh.rows("SELECT count(*) FROM parked")) == [(0,)]


async def test_a_session_whose_end_was_lost_with_the_store_runs_again(fresh: Office) -> None:
    customer = Customer(fresh.log)
    arrived = customer.arrives()
    end = customer.ends("bot_silent")
    await catch_up(fresh, Feed(fresh.log))[0].run()
    assert (await fresh.session(customer.session_id)).finished == "bot_silent"
    fresh.log.messages.remove(end)
    with pytest.raises(EpochRaisedError):
        await fresh.takes(restored(arrived[-1], epoch=2))
    await catch_up(fresh, Feed(fresh.log, epoch=2))[0].run()
    assert (await fresh.session(customer.session_id)).finished is None
    assert len(await fresh.said()) == 1


async def test_a_store_that_was_restored_while_the_feed_was_read(fresh: Office) -> None:
    Customer(fresh.log).arrives()
    await catch_up(fresh, Feed(fresh.log))[0].run()
    fresh.now += timedelta(days=3)
    feed = Feed(fresh.log, epoch=2)
    await catch_up(fresh, feed)[0].run()
    assert feed.asked == [4, 0, 2]
