"""Back-off, the same wherever something is tried again: stamina's, doubled waits with jitter."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import stamina
from stamina.instrumentation import set_on_retry_hooks

from shared.plumbing import tasks

T = TypeVar("T")
OnFailure = Callable[[Exception, int], None]

set_on_retry_hooks(())  # stamina's own log the values that exceptions quote


class StoppingError(Exception):
    """The process ends while something waits to be tried again."""


def _ignore(_: Exception, __: int) -> None: ...


async def retry(
    call: Callable[[], Awaitable[T]],
    on: tuple[type[Exception], ...],
    *,
    attempts: int | None = None,
    first_seconds: float = 0.1,
    longest_seconds: float = 5.0,
    stopping: asyncio.Event | None = None,
    on_failure: OnFailure = _ignore,
) -> T:
    """The first result of `call`, which is repeated for as long as it raises one of `on`.

    The waits begin at `first_seconds` and double up to `longest_seconds`. The last error is raised
    after `attempts` (None: never), StoppingError when `stopping` is set during a wait. `on_failure`
    hears of each failed attempt and its number.
    """
    try:
        return await call()  # what succeeds at once costs nothing
    except on as error:
        on_failure(error, 1)
        failed = error
    retries = stamina.retry_context(
        on, attempts, None, first_seconds, longest_seconds, wait_jitter=first_seconds
    )
    async with aclosing(_until(stopping, aiter(retries))) as attempted:
        async for attempt in attempted:
            with attempt:
                if attempt.num == 1:
                    raise failed
                return await _noting(call, on, on_failure, attempt.num)
    raise failed


async def _noting(
    call: Callable[[], Awaitable[T]],
    on: tuple[type[Exception], ...],
    on_failure: OnFailure,
    number: int,
) -> T:
    try:
        return await call()
    except on as error:
        on_failure(error, number)
        raise


async def _until(
    stopping: asyncio.Event | None, retries: AsyncIterator[stamina.Attempt]
) -> AsyncGenerator[stamina.Attempt]:
    """The attempts; a wait between two of them ends when `stopping` is set."""
    if stopping is None:
        async for attempt in retries:
            yield attempt
        return
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(retries))
            try:
                await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if stopped.done():
                    raise StoppingError
                yield coming.result()
            except StopAsyncIteration:
                return
            finally:
                await tasks.end(coming)
    finally:
        await tasks.end(stopped)
