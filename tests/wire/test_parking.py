"""A poison is parked, its neighbours go on, its key waits behind it and comes after it in order."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from shared.plumbing.kafka import Received, UnprocessableError
from shared.plumbing.kafka.headers import to_headers
from shared.plumbing.loops import Heartbeat
from shared.plumbing.metrics import REGISTRY
from shared.plumbing.parked_versions import EarlierParkedError, ParkedVersions
from shared.plumbing.parking import NotParkedError, Parking
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.sequence import APPLY, DROP, Gap, judge
from shared.plumbing.settings import CommonSettings
from tests.support.waiting import until_true
from tests.wire.conftest import Consume
from tests.wire.support import TOPIC, committed, message, neighbours, publish


class Recipient:
    """Keeps what it is given; refuses the messages named in `poison`, as long as they are."""

    def __init__(self, *poison: tuple[bytes, bytes], error: Exception | None = None) -> None:
        self.poison = set(poison)
        self.error = error or UnprocessableError("broken")
        self.seen: list[tuple[bytes, bytes]] = []
        self.tries = 0

    async def __call__(self, received: Received) -> None:
        if (received.key, received.body) in self.poison:
            self.tries += 1
            raise self.error
        self.seen.append((received.key, received.body))

    def of(self, key: bytes) -> list[bytes]:
        return [body for seen, body in self.seen if seen == key]


NUMBERS = [b"%d" % n for n in range(5)]


async def test_a_poison_is_parked_while_its_partition_goes_on_and_its_key_follows_in_order(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    sick, well = neighbours(2)
    recipient = Recipient((sick, b"1"))
    await publish(settings, [message(key, n) for n in range(5) for key in (sick, well)])
    await consume(handle=recipient, parking=parking)
    await _parked(parking, 4)
    await until_true(lambda: recipient.of(well) == NUMBERS)
    assert recipient.of(sick) == [b"0"]
    assert [e.reason for e in await parking.list()] == ["broken", "behind", "behind", "behind"]
    assert await parking.is_held(TOPIC, sick)
    assert not await parking.is_held(TOPIC, well)

    await parking.retry_due(Heartbeat())
    assert recipient.of(sick) == [b"0"], "nothing overtakes what is still broken"
    recipient.poison.clear()
    await parking.retry((await parking.list())[0].seq)
    await parking.retry_due(Heartbeat())
    assert recipient.of(sick) == NUMBERS
    assert not await parking.is_held(TOPIC, sick)

    await publish(settings, [message(sick, 5)])
    await until_true(lambda: recipient.of(sick) == [*NUMBERS, b"5"])


async def test_later_batches_park_behind_too_whichever_process_reads_them(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    sick, well = neighbours(2)
    recipient = Recipient((sick, b"0"))
    await publish(settings, [message(sick, 0)])
    first = await consume(handle=recipient, parking=parking)
    await _parked(parking, 1)
    await first.stop()
    await publish(settings, [message(sick, 1), message(well, 1)])
    await consume(handle=recipient, parking=parking)
    await until_true(lambda: recipient.of(well) == [b"1"])
    await _parked(parking, 2)
    assert recipient.of(sick) == []


async def test_facts_that_commute_pass_and_hold_nothing_when_they_fail(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    sick, other = neighbours(2)
    recipient = Recipient((sick, b"0"), (other, b"2"))
    sent = [message(key, n) for n in range(4) for key in (sick, other)]
    await publish(settings, sent)
    await consume(
        handle=recipient, parking=parking, commutes=lambda received: received.body in {b"2", b"3"}
    )
    await _parked(parking, 3)
    await until_true(lambda: len(recipient.seen) == 5)
    assert recipient.of(sick) == [b"2", b"3"], "1 waits behind 0, the facts do not"
    assert recipient.of(other) == [b"0", b"1", b"3"]
    assert not await parking.is_held(TOPIC, other)


async def test_facts_that_commute_neither_hold_up_nor_wait_when_they_are_retried(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    sick, other = neighbours(2)
    recipient = Recipient((sick, b"0"), (sick, b"1"), (other, b"0"), (other, b"1"))
    await publish(settings, [message(key, n) for n in range(2) for key in (sick, other)])
    facts = {(sick, b"0"), (other, b"1")}
    await consume(
        handle=recipient,
        parking=parking,
        commutes=lambda received: (received.key, received.body) in facts,
    )
    await _parked(parking, 4)
    recipient.poison = {(sick, b"0"), (other, b"0")}
    await parking.retry_due(Heartbeat())
    assert recipient.of(sick) == [b"1"], "the fact before it held nothing"
    assert recipient.of(other) == [b"1"], "a fact waits for nothing"


async def test_an_unknown_error_is_tried_five_times_before_it_parks(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    (sick,) = neighbours(1)
    recipient = Recipient((sick, b"0"), error=ValueError("+55 11 91234-5678"))
    await publish(settings, [message(sick, 0)])
    await consume(handle=recipient, parking=parking)
    await _parked(parking, 1)
    assert recipient.tries == 5
    assert (await parking.list())[0].reason == "ValueError", "never the text of an error"


async def test_what_has_no_readable_envelope_is_parked_and_can_be_skipped(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    sick, well = neighbours(2)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    headers = [("ce_id", b"\xff\xfe"), ("ce_type", b"x")]
    await producer.send_and_wait(settings.topic(TOPIC), b"strange", sick, headers=headers)
    await producer.stop()
    await publish(settings, [message(sick, 1), message(well, 1)])
    recipient = Recipient()
    await consume(handle=recipient, parking=parking)
    await _parked(parking, 2)
    await until_true(lambda: recipient.of(well) == [b"1"])
    first, second = await parking.list()
    assert (first.reason, second.reason) == ("unreadable", "behind")
    assert (await parking.show(first.seq)).body == b"strange"
    await parking.skip(first.seq)
    await parking.retry_due(Heartbeat())
    assert recipient.of(sick) == [b"1"]
    with pytest.raises(NotParkedError):
        await parking.show(first.seq)


async def test_a_message_delivered_twice_is_parked_once_and_sealed(
    settings: CommonSettings, consume: Consume, parking: Parking, pool: Pool
) -> None:
    (sick,) = neighbours(1)
    secret = message(sick, 0, body=b"Maria da Silva")
    await publish(settings, [secret])
    recipient = Recipient((sick, b"Maria da Silva"))
    for group in ("tests", "others"):
        broker = await consume(handle=recipient, parking=parking, group=group)
        deadline = asyncio.get_running_loop().time() + 20
        while await committed(settings, group, 3) != 1:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
        await broker.stop()
    assert len(await parking.list()) == 1
    async with pool.connection() as conn:
        rows = await (await conn.execute("SELECT parked::text FROM parked")).fetchall()
    assert b"Maria".hex() not in rows[0][0]


async def test_after_an_hour_a_parked_message_waits_for_an_operator(
    settings: CommonSettings, consume: Consume, parking: Parking, pool: Pool
) -> None:
    (sick,) = neighbours(1)
    recipient = Recipient((sick, b"0"))
    await publish(settings, [message(sick, 0)])
    await consume(handle=recipient, parking=parking)
    await _parked(parking, 1)
    await parking.retry_due(Heartbeat())
    (entry,) = await parking.list()
    assert (entry.attempts, entry.next_attempt_at is None) == (1, False)
    async with pool.connection() as conn:
        await conn.execute(
            "UPDATE parked SET first_tried_at = now() - interval '61 min', next_attempt_at = now(),"
            " parked_at = now() - interval '61 min'"
        )
    await parking.retry_due(Heartbeat())
    (entry,) = await parking.list()
    assert entry.next_attempt_at is None
    assert (REGISTRY.get_sample_value("guiche_parked_oldest_seconds") or 0.0) >= 3660
    recipient.poison.clear()
    await parking.retry_due(Heartbeat())
    assert recipient.seen == []
    await parking.retry(entry.seq)
    await parking.retry_due(Heartbeat())
    assert recipient.of(sick) == [b"0"]


async def test_of_several_places_in_a_process_only_the_measured_one_is_counted(
    parking: Parking,
) -> None:
    await parking.retry_due(Heartbeat())
    assert REGISTRY.get_sample_value("guiche_parked") == 0
    await parking.park(TOPIC, _record(b"a", 0, None, None), "broken", holds=True)
    parking.measured = False
    await parking.retry_due(Heartbeat())
    assert REGISTRY.get_sample_value("guiche_parked") == 0
    parking.measured = True
    await parking.retry_due(Heartbeat())
    assert REGISTRY.get_sample_value("guiche_parked") == 1


async def test_two_processes_that_retry_apply_each_message_once(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    keys = neighbours(20)
    recipient = Recipient(*((key, b"0") for key in keys))
    await publish(settings, [message(key, n) for n in range(3) for key in keys])
    await consume(handle=recipient, parking=parking)
    await _parked(parking, 60)
    recipient.poison.clear()
    await asyncio.gather(*(parking.retry_due(Heartbeat()) for _ in range(4)))
    await parking.retry_due(Heartbeat())
    assert all(recipient.of(key) == [b"0", b"1", b"2"] for key in keys)


async def _parked(parking: Parking, count: int) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while len(await parking.list()) != count:
        assert asyncio.get_running_loop().time() < deadline, await parking.list()
        await asyncio.sleep(0.02)


async def test_the_version_that_an_operator_skips_is_not_missed_by_the_next(pool: Pool) -> None:
    parking = ParkedVersions(pool, Sealer(b"k" * 32), "tests")
    stream = uuid4()
    await parking.park(TOPIC, _record(b"a", 0, stream, 1), "broken", holds=True)
    async with pool.connection() as conn:
        assert await judge(conn, [(stream, 2)]) == [Gap(1)]
    await parking.skip((await parking.list())[0].seq)
    async with pool.connection() as conn:
        assert await judge(conn, [(stream, 1), (stream, 2)]) == [DROP, APPLY]


async def test_what_waits_behind_another_is_not_skipped_over_its_head(pool: Pool) -> None:
    """The other would be dropped as one that came before."""
    parking, stream = ParkedVersions(pool, Sealer(b"k" * 32), "tests"), uuid4()
    for version in (1, 2):
        await parking.park(TOPIC, _record(b"a", version, stream, version), "broken", holds=True)
    await parking.park(TOPIC, _record(b"b", 3, uuid4(), 1), "broken", holds=True)
    first, second, other = [entry.seq for entry in await parking.list()]
    with pytest.raises(EarlierParkedError) as refused:
        await parking.skip(second)
    assert refused.value.first == first
    async with pool.connection() as conn:
        assert await judge(conn, [(stream, 1)]) == [APPLY]
    for seq in (other, first, second):
        await parking.skip(seq)
    assert await parking.list() == []


async def test_what_names_no_version_is_skipped_like_any_other(pool: Pool) -> None:
    parking = ParkedVersions(pool, Sealer(b"k" * 32), "tests")
    await parking.park(TOPIC, _record(b"a", 0, None, None), "broken", holds=True)
    await parking.skip((await parking.list())[0].seq)
    assert await parking.list() == []
    with pytest.raises(NotParkedError):
        await parking.skip(1)


def _record(
    key: bytes, offset: int, stream: UUID | None, version: int | None
) -> ConsumerRecord[bytes, bytes]:
    envelope = replace(message(key, 0).envelope, stream=stream, version=version)
    headers = to_headers(envelope)
    return ConsumerRecord(TOPIC, 0, offset, 0, 0, key, b"{}", None, len(key), 2, tuple(headers))
