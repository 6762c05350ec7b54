"""Apply a batch; what cannot be applied is tried again, then parked with its key held (D13).

Messages of one key form a lane: they are applied in order, and wait behind a parked one of their
key unless they commute with it. Lanes run side by side.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from shared.plumbing import logs
from shared.plumbing.retrying import retry
from shared.plumbing.transient import UnprocessableError

ATTEMPTS: Final = 5
BEHIND: Final = "behind"
UNREADABLE: Final = "unreadable"
_FIRST_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 1.0

_log = logs.get(__name__)

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


class Work(Protocol[M_contra]):
    """What a batch processor asks of its consumer."""

    def key(self, message: M_contra, /) -> bytes:
        """Messages of one key are applied in order."""
        ...

    def where(self, message: M_contra, /) -> Mapping[str, object]:
        """Fields of a log line that tell which message it is."""
        ...

    def readable(self, message: M_contra, /) -> bool:
        """Whether it can be applied at all; else it is parked at once."""
        ...

    def commutes(self, message: M_contra, /) -> bool:
        """Whether it need not wait behind a parked one of its key."""
        ...

    async def held(self, keys: Collection[bytes], /) -> set[bytes]:
        """The keys that have something parked."""
        ...

    async def apply(self, messages: Sequence[M_contra], /) -> None:
        """Apply all of them or none; an error is the fault of one of them."""
        ...

    async def park(self, message: M_contra, reason: str, /, *, holds: bool) -> None:
        """Keep a message, once; `holds`: later ones of its key wait for it."""
        ...


class BatchProcessor(Generic[M]):
    """Applies or parks every message of a batch.

    `whole`: `work.apply` takes many at once, so a batch, then a lane, is tried whole before its
    messages are tried one by one. `passing` names errors that are no message's fault (the database
    is away, the process ends): they are raised, and the batch has to come again. A message is tried
    five times; UnprocessableError parks it at once. `on_attempt` hears of each attempt that failed.
    """

    def __init__(
        self,
        work: Work[M],
        *,
        whole: bool,
        passing: tuple[type[Exception], ...],
        at_once: int = 64,
        stopping: asyncio.Event | None = None,
        on_attempt: Callable[[], None] = lambda: None,
    ) -> None:
        self._work = work
        self._whole = whole
        self._passing = passing
        self._lanes_at_once = asyncio.Semaphore(at_once)
        self._stopping = stopping
        self._on_attempt = on_attempt

    async def process(self, batch: Sequence[M]) -> None:
        """Returns when every message is applied or parked; raises what `passing` names."""
        lanes: dict[bytes, list[M]] = {}
        for message in batch:
            lanes.setdefault(self._work.key(message), []).append(message)
        held = await self._work.held(lanes.keys())
        if self._whole:
            clear = {k: lane for k, lane in lanes.items() if k not in held and self._clear(lane)}
            together = [message for lane in clear.values() for message in lane]
            if together and await self._applied(together):
                lanes = {key: lane for key, lane in lanes.items() if key not in clear}
        await self._side_by_side(lanes, held)

    async def _side_by_side(self, lanes: Mapping[bytes, Sequence[M]], held: set[bytes]) -> None:
        """All lanes have ended when the first of their errors is raised."""
        running = [self._lane(lane, held=key in held) for key, lane in lanes.items()]
        for error in await asyncio.gather(*running, return_exceptions=True):
            if error is not None:
                raise error

    async def _lane(self, lane: Sequence[M], *, held: bool) -> None:
        async with self._lanes_at_once:
            tried_whole = self._whole and not held and len(lane) > 1 and self._clear(lane)
            if tried_whole and await self._applied(lane):
                return
            for message in lane:
                apart = self._work.readable(message) and self._work.commutes(message)
                reason = BEHIND if held and not apart else await self._attempt(message)
                if reason is not None:
                    await self._work.park(message, reason, holds=not apart)
                    held = held or not apart

    def _clear(self, lane: Sequence[M]) -> bool:
        return all(map(self._work.readable, lane))

    async def _applied(self, messages: Sequence[M]) -> bool:
        try:
            await self._work.apply(messages)
        except self._passing:
            raise
        except Exception:  # noqa: BLE001  whose fault it is shows when each is tried alone
            self._on_attempt()
            _log.warning("batch refused", records=len(messages), exc_info=True)
            return False
        return True

    async def _attempt(self, message: M) -> str | None:
        """None when it was applied, else why not."""
        if not self._work.readable(message):
            return UNREADABLE
        try:
            return await retry(
                lambda: self._once(message),
                (_RefusedError,),
                attempts=ATTEMPTS,
                first_seconds=_FIRST_SECONDS,
                longest_seconds=_LONGEST_SECONDS,
                stopping=self._stopping,
                on_failure=lambda _, __: self._on_attempt(),
            )
        except _RefusedError as refused:
            return refused.reason

    async def _once(self, message: M) -> str | None:
        try:
            await self._work.apply([message])
        except self._passing:
            raise
        except UnprocessableError as error:
            return error.reason
        except Exception as error:
            _log.warning("message refused", exc_info=True, **self._work.where(message))
            raise _RefusedError(type(error).__name__) from error
        return None


class _RefusedError(Exception):
    """A message was not applied; it may be tried again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
