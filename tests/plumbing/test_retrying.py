"""What fails is tried again, ever later, until it succeeds, is over, or the process ends."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from shared.plumbing.retrying import StoppingError, retry


class Fragile:
    """Raises so many times before it answers."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


async def quickly(call: Callable[[], Awaitable[str]], attempts: int | None = None) -> str:
    return await retry(call, (LookupError,), attempts=attempts, first_seconds=0.001)


async def test_what_succeeds_is_called_once() -> None:
    call = Fragile()
    assert (await quickly(call), call.calls) == ("done", 1)


async def test_what_fails_is_called_again_and_each_failure_is_told() -> None:
    told: list[tuple[str, int]] = []
    call = Fragile(KeyError(), IndexError(), KeyError())
    assert (
        await retry(
            call,
            (LookupError,),
            first_seconds=0.001,
            on_failure=lambda error, number: told.append((type(error).__name__, number)),
        )
        == "done"
    )
    assert call.calls == 4
    assert told == [("KeyError", 1), ("IndexError", 2), ("KeyError", 3)]


async def test_the_last_error_is_raised_after_the_last_attempt() -> None:
    call = Fragile(KeyError(1), KeyError(2), KeyError(3))
    with pytest.raises(KeyError, match="2"):
        await quickly(call, attempts=2)
    assert call.calls == 2


async def test_another_error_is_raised_at_once() -> None:
    call = Fragile(KeyError(), ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await quickly(call)
    assert call.calls == 2


async def test_waits_double_up_to_the_longest() -> None:
    at: list[float] = []
    call = Fragile(*(KeyError() for _ in range(5)))
    await retry(
        call,
        (LookupError,),
        first_seconds=0.02,
        longest_seconds=0.05,
        on_failure=lambda _, __: at.append(monotonic()),
    )
    waits = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert waits[0] >= 0.02
    assert all(wait >= 0.04 for wait in waits[1:])
    assert sum(waits) < 5  # without a longest wait


async def test_a_wait_ends_when_the_process_does() -> None:
    stopping, failed = asyncio.Event(), asyncio.Event()
    waiting = asyncio.create_task(
        retry(
            Fragile(KeyError()),
            (LookupError,),
            first_seconds=60,
            longest_seconds=60,
            stopping=stopping,
            on_failure=lambda _, __: failed.set(),
        )
    )
    await asyncio.wait_for(failed.wait(), 5)
    stopping.set()
    with pytest.raises(StoppingError):
        await asyncio.wait_for(waiting, 5)


async def test_with_an_end_in_sight_it_still_succeeds() -> None:
    call = Fragile(KeyError(), KeyError())
    assert (
        await retry(call, (LookupError,), attempts=5, first_seconds=0.001, stopping=asyncio.Event())
        == "done"
    )
    with pytest.raises(KeyError):
        await retry(
            Fragile(KeyError(), KeyError(), KeyError()),
            (LookupError,),
            attempts=2,
            first_seconds=0.001,
            stopping=asyncio.Event(),
        )
