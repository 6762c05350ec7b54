"""How does a service wait at its start for what it needs? For ever, and it says for what."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.plumbing import logs

_BACKOFF_SECONDS: Final = 0.5
_log = logs.get(__name__)
T = TypeVar("T")


def _ignore(_: Exception) -> None: ...


async def until_done(
    what: str,
    attempt: Callable[[], Awaitable[T]],
    away: tuple[type[Exception], ...],
    *,
    on_away: Callable[[Exception], None] = _ignore,
) -> T:
    """The first result of `attempt`; `away` is what it raises while one has to wait.

    `on_away` hears of each failed attempt.
    """
    while True:
        try:
            return await attempt()
        except away as error:
            _log.warning("waiting", waiting_for=what, reason=type(error).__name__)
            on_away(error)
            await asyncio.sleep(_BACKOFF_SECONDS)
