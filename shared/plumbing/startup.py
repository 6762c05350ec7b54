"""Waiting at the start for what a service needs: for ever, and it says for what."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.plumbing import logs
from shared.plumbing.retrying import retry

_FIRST_SECONDS: Final = 0.2
_LONGEST_SECONDS: Final = 3.0
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

    def failed(error: Exception, _: int) -> None:
        _log.warning("waiting", waiting_for=what, reason=type(error).__name__)
        on_away(error)

    return await retry(
        attempt,
        away,
        first_seconds=_FIRST_SECONDS,
        longest_seconds=_LONGEST_SECONDS,
        on_failure=failed,
    )
