"""End a task that would run for ever: cancel it until it ends."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

_AGAIN_SECONDS: Final = 1.0


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel all of them and wait until each has ended, however it ended.

    One cancellation is not enough: `asyncio.wait_for` of Python 3.11, with which psycopg's pool
    waits for a connection, swallows one that comes in the same turn as what it waited for.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


async def undisturbed(last: Coroutine[Any, Any, None]) -> None:
    """Do the last thing of a task to its end; a cancellation meanwhile is heard afterwards.

    `end` cancels once a second: what says farewell to a server may take longer. It needs a
    deadline of its own.
    """
    task, heard = asyncio.ensure_future(last), False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            heard = True
    if heard:
        with suppress(Exception):
            task.result()
        raise asyncio.CancelledError
    task.result()
