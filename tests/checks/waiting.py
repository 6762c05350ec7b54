"""How long may it take until something holds? Asked again and again, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


class LateError(Exception):
    """It did not come true in time."""


async def until(
    what: str,
    ask: Callable[[], Awaitable[T | None]],
    seconds: float,
    *,
    pause: float = 0.2,
) -> T:
    """The first answer that is neither None nor false; raises LateError."""
    deadline = monotonic() + seconds
    while True:
        answer = await ask()
        if answer:
            return answer
        if monotonic() > deadline:
            raise LateError(what)
        await asyncio.sleep(pause)
