"""How long may it take until something holds? Asked again and again, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, sleep
from typing import TypeVar

import aiohttp

T = TypeVar("T")
SECONDS = 60.0
LATE = "the condition did not come true"


class LateError(AssertionError):
    """It did not come true in time; says what, and what was seen last."""

    def __init__(self, what: str, seconds: float, seen: object) -> None:
        super().__init__(f"{what} ({seconds:g} s); seen last: {seen!r:.500}")


async def until(
    ask: Callable[[], Awaitable[T | None]],
    holds: Callable[[T], object] = bool,
    *,
    seconds: float = SECONDS,
    pause: float = 0.05,
    what: str = LATE,
) -> T:
    """The first answer that holds; raises LateError, which says what failed to happen."""
    deadline = monotonic() + seconds
    while True:
        answer = await ask()
        if answer is not None and holds(answer):
            return answer
        if monotonic() > deadline:
            raise LateError(what, seconds, answer)
        await asyncio.sleep(pause)


async def until_true(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait, with the loop running, for a condition that is seen in this process."""

    async def ask() -> bool:
        return bool(condition())

    await until(ask, seconds=seconds, pause=0.01)


def block_until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """The same without a loop."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            raise LateError(LATE, seconds, None)
        sleep(0.02)


async def until_ready(url: str, *, seconds: float = 60.0) -> None:
    """Wait until a service answers 200 to `/ready`; nobody listening is not ready either."""
    async with aiohttp.ClientSession() as http:

        async def ask() -> int:
            try:
                async with http.get(f"{url}/ready") as answer:
                    return answer.status
            except aiohttp.ClientError:
                return 0

        await until(ask, lambda status: status == 200, seconds=seconds, pause=0.05, what=url)
