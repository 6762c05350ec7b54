"""Apply a batch; park what cannot be applied and hold its key, while other keys go on (D13)."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import Final

from psycopg.errors import UndefinedColumn, UndefinedTable

from services.projections.handlers.ports import Delivery, ParkedEvents
from services.projections.handlers.project import EpochRaisedError, Project
from shared.plumbing import logs, metrics
from shared.plumbing.batches import ATTEMPTS
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.transient import TRANSIENT_ANYWHERE

_FIRST_BACKOFF_SECONDS: Final = 0.05
_AT_ONCE: Final = 4  # they meet at the locked checkpoints of their partitions anyway
_BEHIND: Final = "behind"
_NO_FAULT_OF_THE_EVENT: Final = (
    EpochRaisedError,
    UndefinedTable,  # the tables are not those of this program: no event can help it
    UndefinedColumn,
    *TRANSIENT,
    *TRANSIENT_ANYWHERE,
)

_parked_events = metrics.counter(
    "events_parked", "Events that could not be folded, and those behind"
)
_log = logs.get(__name__)

Lane = Sequence[Delivery]


class BatchProcessor:
    """Every delivery is folded or parked before the checkpoint of its partition moves."""

    def __init__(self, project: Project, parked: ParkedEvents) -> None:
        self._project = project
        self._parked = parked
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def process(self, batch: Sequence[Delivery], *, told: bool = True) -> None:
        """Fold or park all of it. Raises EpochRaisedError, and what passes by waiting."""
        if not batch:
            return
        lanes = _by_key(batch)
        held = await self._parked.held(list(lanes))
        apart = {
            key
            for key, lane in lanes.items()
            if key in held or not all(delivery.readable for delivery in lane)
        }
        progress = [delivery.progress for delivery in batch]
        clear = [delivery.event for delivery in batch if delivery.key not in apart]
        await self._each({key: lanes[key] for key in apart}, held, told=told)
        try:
            await self._project.apply(
                [e for e in clear if e is not None], progress=progress, told=told
            )
        except _NO_FAULT_OF_THE_EVENT:
            raise
        except Exception:  # noqa: BLE001  whatever it is, key by key will tell whose it is
            _log.warning("batch refused", events=len(batch), exc_info=True)
            rest = {key: lane for key, lane in lanes.items() if key not in apart}
            await self._each(rest, held, told=told)
            await self._project.apply([], progress=progress, told=told)

    async def _each(self, lanes: dict[bytes, Lane], held: set[bytes], *, told: bool) -> None:
        """Key by key; all of them have ended when the first error of none of them is raised."""
        done = await asyncio.gather(
            *(self._lane(lane, held=key in held, told=told) for key, lane in lanes.items()),
            return_exceptions=True,
        )
        for error in done:
            if error is not None:
                raise error

    async def _lane(self, lane: Lane, *, held: bool, told: bool) -> None:
        """The deliveries of one key, in order; from the first that fails on they are parked."""
        if not held and await self._fold(lane, told=told) is None:
            return
        for delivery in lane:
            reason = _BEHIND if held else await self._attempt(delivery, told=told)
            if reason is not None:
                await self._parked.park(delivery, reason)
                _parked_events.inc()
                held = True

    async def _attempt(self, delivery: Delivery, *, told: bool) -> str | None:
        """None when it was folded, else why not."""
        reason: str | None = None
        for attempt in range(ATTEMPTS if delivery.readable else 1):
            if attempt:
                jitter = random.uniform(0.5, 1.0)  # noqa: S311
                await asyncio.sleep(_FIRST_BACKOFF_SECONDS * 2**attempt * jitter)
            reason = await self._fold([delivery], told=told)
            if reason is None:
                return None
        where = {"partition": delivery.progress.partition, "log_id": delivery.progress.log_id}
        _log.error("event parked", reason=reason, **where)
        return reason

    async def _fold(self, lane: Lane, *, told: bool) -> str | None:
        """Without moving checkpoints: those behind it are not done yet."""
        events = [delivery.event for delivery in lane if delivery.event is not None]
        if len(events) < len(lane):
            return "unreadable"
        try:
            async with self._turns:
                await self._project.apply(events, progress=(), told=told)
        except _NO_FAULT_OF_THE_EVENT:
            raise
        except Exception as error:  # noqa: BLE001  a poison may raise anything
            _log.warning("event refused", reason=type(error).__name__, exc_info=True)
            return type(error).__name__
        return None


def _by_key(batch: Iterable[Delivery]) -> dict[bytes, Lane]:
    lanes: dict[bytes, list[Delivery]] = {}
    for delivery in batch:
        lanes.setdefault(delivery.key, []).append(delivery)
    return dict(lanes)
