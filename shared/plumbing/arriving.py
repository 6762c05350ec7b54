"""How does a service wait at its start for what it needs? For ever, and it says for what."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.plumbing import logs

_BACKOFF_SECONDS: Final = 0.5
_log = logs.get(__name__)
T = TypeVar("T")


async def until_done(
    what: str, attempt: Callable[[], Awaitable[T]], away: tuple[type[Exception], ...]
) -> T:
    """The first result (protocols.md 10); `away`: what is raised while one has to wait."""
    while True:
        try:
            return await attempt()
        except away as error:
            _log.warning("waiting", waiting_for=what, reason=type(error).__name__)
            await asyncio.sleep(_BACKOFF_SECONDS)
