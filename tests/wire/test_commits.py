"""The group is told what is done, now and then and at the end; never what is only in hand."""

import asyncio

from shared.contracts.topics import TOPICS
from shared.plumbing.kafka import Received, watch
from shared.plumbing.loops import Heartbeat
from shared.plumbing.parking import Parking
from shared.plumbing.partitions import partition_of
from shared.plumbing.settings import CommonSettings
from tests.support.waiting import until_true
from tests.wire.conftest import Consume
from tests.wire.support import TOPIC, committed, message, publish

KEY = b"one-key"
PARTITION = partition_of(KEY, TOPICS[TOPIC].partitions)


async def test_a_batch_in_hand_is_not_told_and_comes_again(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    seen: list[int] = []
    last_is_in_hand, never = asyncio.Event(), asyncio.Event()

    async def handle(received: Received) -> None:
        if int(received.body) == 3:
            last_is_in_hand.set()
            await never.wait()
        seen.append(int(received.body))

    broker = await consume(handle=handle, parking=parking)
    await publish(settings, [message(KEY, number) for number in range(3)])
    await until_true(lambda: seen == [0, 1, 2])
    await publish(settings, [message(KEY, 3)])
    await last_is_in_hand.wait()

    await watch(broker)(Heartbeat())

    assert await committed(settings, "tests", PARTITION) == 3


async def test_what_was_done_last_is_told_by_the_watch(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    seen: list[int] = []

    async def handle(received: Received) -> None:
        seen.append(int(received.body))

    broker = await consume(handle=handle, parking=parking)
    for number in range(20):  # faster than offsets are told
        await publish(settings, [message(KEY, number)])

    async with asyncio.timeout(20):
        while await committed(settings, "tests", PARTITION) != 20:
            await watch(broker)(Heartbeat())
    assert len(seen) == 20


async def test_an_end_leaves_nothing_untold(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    seen: list[int] = []

    async def handle(received: Received) -> None:
        seen.append(int(received.body))

    broker = await consume(handle=handle, parking=parking)
    for number in range(20):
        await publish(settings, [message(KEY, number)])
    await until_true(lambda: len(seen) == 20)

    await broker.stop()

    assert await committed(settings, "tests", PARTITION) == 20
