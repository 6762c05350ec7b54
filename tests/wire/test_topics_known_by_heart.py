"""A compacted topic is read whole before the service is ready, and followed."""

import asyncio

from shared.plumbing.compacted import CompactedReader
from shared.plumbing.kafka import Received
from shared.plumbing.loops import Heartbeat
from shared.plumbing.settings import CommonSettings
from tests.support.waiting import until_true
from tests.wire.support import create_topics, message, publish

TOPIC = "directory.events"


async def test_everything_is_known_before_it_is_ready_and_then_followed(
    settings: CommonSettings,
) -> None:
    known: dict[bytes, bytes] = {}

    def remember(received: Received) -> None:
        assert received.topic == TOPIC
        if received.body:
            known[received.key] = received.body
        else:
            known.pop(received.key, None)

    keys = [b"entity%d" % n for n in range(16)]
    for n in range(20):  # more than one fetch of each partition brings
        await publish(settings, [message(key, n, TOPIC, body=_big(n)) for key in keys])
    await publish(settings, [message(keys[0], 0, TOPIC, body=b"")])
    reader = CompactedReader(settings, TOPIC, remember)
    beat = Heartbeat(at=0.0)
    running = asyncio.create_task(reader.run(beat))
    await asyncio.wait_for(reader.ready.wait(), 20)
    assert known == dict.fromkeys(keys[1:], _big(19))
    assert beat.at > 0.0
    await publish(settings, [message(keys[0], 99, TOPIC)])
    await until_true(lambda: known.get(keys[0]) == b"99")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _big(number: int) -> bytes:
    return b"%d" % number + b" " * 100_000


async def test_an_empty_topic_is_known_at_once(settings: CommonSettings) -> None:
    reader = CompactedReader(settings, TOPIC, lambda _: None)
    running = asyncio.create_task(reader.run(Heartbeat()))
    await asyncio.wait_for(reader.ready.wait(), 20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_reader_that_begins_at_the_end_gives_only_what_comes(
    settings: CommonSettings,
) -> None:
    await create_topics(settings, "inbox.changes")
    await publish(settings, [message(b"k", 1, "inbox.changes")])
    seen: list[bytes] = []
    reader = CompactedReader(
        settings, "inbox.changes", lambda r: seen.append(r.body), from_start=False
    )
    running = asyncio.create_task(reader.run(Heartbeat()))
    await asyncio.wait_for(reader.ready.wait(), 20)
    await publish(settings, [message(b"k", 2, "inbox.changes")])
    await until_true(lambda: seen == [b"2"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
