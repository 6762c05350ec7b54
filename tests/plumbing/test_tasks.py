"""A task that would run for ever ends, even when a cancellation does not reach it."""

import asyncio
from contextlib import suppress

import pytest

from shared.plumbing import tasks

pytestmark = pytest.mark.timeout(30)


async def test_a_swallowed_cancellation_comes_again() -> None:
    heard = 0

    async def endless() -> None:
        nonlocal heard
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        heard += 1
        await asyncio.sleep(3600)

    task = asyncio.create_task(endless())
    await asyncio.sleep(0)
    await tasks.end(task)
    assert task.cancelled()
    assert heard == 1


async def test_what_has_ended_or_failed_is_nobodys_error() -> None:
    async def broken() -> None:
        raise ValueError

    failed, done = asyncio.create_task(broken()), asyncio.create_task(asyncio.sleep(0))
    await asyncio.wait([failed, done])
    await tasks.end(failed, done)
    await tasks.end()


async def test_a_farewell_is_said_to_its_end_before_the_second_cancellation_is_heard() -> None:
    said: list[str] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def farewell() -> None:
        begun.set()
        await may_end.wait()
        said.append("done")

    async def works() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await tasks.undisturbed(farewell())

    task = asyncio.create_task(works())
    await asyncio.sleep(0)
    task.cancel()
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    await tasks.end(task)
    assert task.cancelled()
    assert said == ["done"]


async def test_a_farewell_that_fails_says_so() -> None:
    async def broken() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await tasks.undisturbed(broken())
