"""Loops survive their bodies; one process holds a lease."""

import asyncio

import pytest

from shared.plumbing.loops import Heartbeat, Lease, Loops
from shared.plumbing.metrics import REGISTRY
from shared.plumbing.postgres import Pool


async def test_a_body_that_raises_is_counted_and_called_again() -> None:
    loops, calls, done = Loops(), 0, asyncio.Event()

    async def body(_: Heartbeat) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ValueError
        done.set()

    loops.add("fragile", body, interval_seconds=60)
    await loops.start()
    await asyncio.wait_for(done.wait(), 10)
    await loops.stop()
    assert REGISTRY.get_sample_value("guiche_loop_failures_total", {"loop": "fragile"}) == 2


async def test_the_age_of_a_heartbeat_is_measured_while_the_loop_runs() -> None:
    loops, beats = Loops(), asyncio.Event()

    async def body(_: Heartbeat) -> None:
        beats.set()

    loops.add("measured", body, interval_seconds=60)
    await loops.start()
    await asyncio.wait_for(beats.wait(), 10)
    loops.watched()[0].heartbeat.at -= 700
    age, patience = _gauges("measured")
    assert age is not None
    assert patience == 600
    assert 700 <= age < 710
    await loops.stop()
    assert _gauges("measured") == (None, None)


def _gauges(loop: str) -> tuple[float | None, float | None]:
    return (
        REGISTRY.get_sample_value("guiche_loop_heartbeat_age_seconds", {"loop": loop}),
        REGISTRY.get_sample_value("guiche_loop_patience_seconds", {"loop": loop}),
    )


async def test_a_wake_up_shortens_the_wait_and_is_not_lost_during_the_work() -> None:
    loops, wake, calls = Loops(), asyncio.Event(), asyncio.Queue[int]()

    async def body(_: Heartbeat) -> None:
        calls.put_nowait(1)
        if calls.qsize() == 1:
            wake.set()  # what comes while the body works

    loops.add("relay", body, interval_seconds=60, wake=wake)
    await loops.start()
    for _ in range(2):
        await asyncio.wait_for(calls.get(), 5)
    await loops.stop()


async def test_a_loop_is_called_again_after_its_interval() -> None:
    loops, calls = Loops(), asyncio.Queue[int]()

    async def body(_: Heartbeat) -> None:
        calls.put_nowait(1)

    loops.add("poll", body, interval_seconds=0.01)
    await loops.start()
    for _ in range(3):
        await asyncio.wait_for(calls.get(), 5)
    await loops.stop()


async def test_stop_ends_bodies_that_never_return() -> None:
    loops, started = Loops(), asyncio.Event()

    async def body(_: Heartbeat) -> None:
        started.set()
        await asyncio.Event().wait()

    loops.add("endless", body, interval_seconds=1)
    await loops.start()
    await asyncio.wait_for(started.wait(), 5)
    await asyncio.wait_for(loops.stop(), 5)


async def test_one_holder_at_a_time_until_it_is_released(pool: Pool) -> None:
    ours, theirs = (Lease(pool, "relay", holder, 30) for holder in ("tickets-1", "tickets-2"))
    assert await ours.acquire()
    assert not await theirs.acquire()
    assert await ours.acquire()
    assert await ours.renew()
    assert not await theirs.renew()
    await theirs.release()
    assert not await theirs.acquire()
    await ours.release()
    assert await theirs.acquire()
    assert not await ours.renew()


async def test_a_lease_that_is_over_is_lost(pool: Pool) -> None:
    ours, theirs = Lease(pool, "relay", "tickets-1", 0), Lease(pool, "relay", "tickets-2", 30)
    assert await ours.acquire()
    assert not await ours.renew()
    assert await theirs.acquire()


async def test_a_database_whose_clock_was_set_back_holds_nothing_for_the_dead(pool: Pool) -> None:
    assert await Lease(pool, "relay", "tickets-1", 600).acquire()  # as it looks ten minutes earlier
    assert await Lease(pool, "relay", "tickets-2", 10).acquire()


async def test_of_many_that_race_one_gets_the_lease(pool: Pool) -> None:
    leases = [Lease(pool, "race", f"p-{n}", 30) for n in range(8)]
    assert sum(await asyncio.gather(*(lease.acquire() for lease in leases))) == 1


def test_a_loop_is_stale_only_after_its_patience() -> None:
    loops = Loops()

    async def body(_: Heartbeat) -> None: ...

    loops.add("slow", body, interval_seconds=60)
    (loop,) = loops.watched()
    loop.heartbeat.at -= 500
    assert loops.stale() == []
    loop.heartbeat.at -= 200
    assert loops.stale() == ["slow"]


pytestmark = pytest.mark.timeout(30)
