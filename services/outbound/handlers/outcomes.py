"""Outcomes of attempts are committed in batches, with what is published of them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final
from uuid import UUID

from services.outbound.domain import fate
from services.outbound.domain.fate import Change
from services.outbound.domain.outcome import (
    Accepted,
    NotSent,
    Outcome,
    Refused,
    Unknown,
    Withheld,
)
from services.outbound.domain.queue_row import OPEN, Kind, QueueRow, State
from services.outbound.domain.retrying import (
    Again,
    Hold,
    Over,
    after_no_connection,
    after_refusal,
)
from services.outbound.handlers.ports import Ended, Hashes, Store
from services.outbound.handlers.statuses import alarm_second_wamid
from shared.contracts.content import ProviderError
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat

_BATCH: Final = 500
_RECEIPT_ATTEMPTS: Final = 3
_RECEIPT_PAUSE: Final = timedelta(seconds=2)

_outcomes = metrics.counter("outbound_outcomes", "Outcomes of attempts", ["kind", "outcome"])
_refusals = metrics.counter(
    "outbound_refusals", "Refusals by class and code", ["error_class", "code"]
)
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt and how it ended."""

    row: QueueRow  # as it was when the attempt was committed
    outcome: Outcome


class Recorder:
    """Takes outcomes as they come; a loop commits all that wait in one transaction."""

    def __init__(
        self,
        store: Store,
        hashes: Hashes,
        *,
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        recorded: Callable[[], None],
    ) -> None:
        self._store = store
        self._hashes = hashes
        self._now = now
        self._jitter = jitter
        self._recorded = recorded
        self._pending: deque[Attempt] = deque()
        self.wake = asyncio.Event()

    def add(self, attempt: Attempt) -> None:
        """Remember an outcome until it is committed."""
        self._pending.append(attempt)
        self.wake.set()

    async def record(self, beat: Heartbeat) -> None:
        """A body for Loops: commit until nothing waits; after a failure the same come again."""
        while self._pending:
            batch = [self._pending[n] for n in range(min(_BATCH, len(self._pending)))]
            await self._commit(batch)
            for _ in batch:
                self._pending.popleft()
            beat.beat()
            self._recorded()

    async def _commit(self, batch: Sequence[Attempt]) -> None:
        now = self._now()
        async with self._store.begin() as work:
            rows = await work.locked({attempt.row.message_id for attempt in batch})
            ours = [(rows[a.row.message_id], a) for a in batch if _is_current(rows, a)]
            concluded = [self._conclude(row, attempt, now) for row, attempt in ours]
            done = [
                c.change.row.message_id for c in concluded if _is_finished_receipt(c.change.row)
            ]
            await work.save([c.change for c in concluded if c.change.row.message_id not in done])
            await work.delete(done)
            await work.end_attempts([_ended(a) for a in batch if a.row.kind is Kind.SEND], now)
            for number, hold in _holds(concluded):
                await work.hold(number, hold, now)
            await work.release(_working(batch))
        for attempt in batch:
            _outcomes.labels(kind=attempt.row.kind, outcome=_name(attempt.outcome)).inc()

    def _conclude(self, row: QueueRow, attempt: Attempt, now: datetime) -> "_Conclusion":
        match attempt.outcome:
            case Accepted(wamid):
                return _Conclusion(self._accepted(row, wamid, now))
            case Unknown(reason):
                return _Conclusion(_unknown(row, reason, now))
            case NotSent(reason):
                pause = timedelta(seconds=after_no_connection(row.attempts, self._jitter()))
                return _Conclusion(fate.again(row, now, pause, reason, refused_by_meta=False))
            case Withheld(reason):
                return _Conclusion(_over(row, reason, now))
            case Refused() as refused:
                return self._refused(row, refused, now)

    def _accepted(self, row: QueueRow, wamid: str, now: datetime) -> Change:
        if row.kind is Kind.RECEIPT:
            return Change(replace(row, state=State.ACCEPTED))
        hashed = self._hashes.wamid(row.account_id, row.connection_id, wamid)
        change = fate.accepted(row, wamid, hashed, now)
        if change.second_wamid:
            alarm_second_wamid(row.message_id)
        return change

    def _refused(self, row: QueueRow, refused: Refused, now: datetime) -> "_Conclusion":
        following = after_refusal(refused, row.refusals + 1, self._jitter())
        code = refused.http if refused.code is None else refused.code
        _refusals.labels(error_class=following.error_class, code=code).inc()
        match following:
            case Again(_, seconds):
                pause = timedelta(seconds=seconds)
                return _Conclusion(fate.again(row, now, pause, str(code), refused_by_meta=True))
            case Hold(error_class):
                if error_class == "C":
                    _log.error("number refused", connection=row.connection_id, code=code)
                change = fate.again(row, now, timedelta(0), str(code), refused_by_meta=True)
                return _Conclusion(change, following)
            case Over(_, reason, dead):
                return _Conclusion(_over(row, reason, now, refused.errors, dead=dead))


@dataclass(frozen=True, slots=True)
class _Conclusion:
    change: Change
    hold: Hold | None = None


def _holds(concluded: Sequence[_Conclusion]) -> list[tuple[UUID, Hold]]:
    """By number, so that two processes do not deadlock."""
    found = [(each.change.row.connection_id, each.hold) for each in concluded if each.hold]
    return sorted(found, key=itemgetter(0))


def _is_current(rows: Mapping[UUID, QueueRow], attempt: Attempt) -> bool:
    """False: the row of a receipt went on without us."""
    row = rows.get(attempt.row.message_id)
    return row is not None and row.attempts == attempt.row.attempts


def _unknown(row: QueueRow, reason: str, now: datetime) -> Change:
    if row.kind is Kind.SEND:
        return fate.unknown(row, reason, now)
    if row.attempts < _RECEIPT_ATTEMPTS:
        return fate.again(row, now, _RECEIPT_PAUSE, reason, refused_by_meta=False)
    return Change(replace(row, state=State.DEAD))


def _over(
    row: QueueRow,
    reason: str,
    now: datetime,
    errors: tuple[ProviderError, ...] = (),
    *,
    dead: bool = False,
) -> Change:
    if row.kind is Kind.RECEIPT:
        return Change(replace(row, state=State.DEAD))
    return fate.refused(row, reason, errors, now, dead=dead)


def _is_finished_receipt(row: QueueRow) -> bool:
    return row.kind is Kind.RECEIPT and row.state not in OPEN


def _working(batch: Sequence[Attempt]) -> Mapping[UUID, datetime]:
    """Numbers that accepted something, and when the last of those attempts began."""
    found: dict[UUID, datetime] = {}
    for attempt in batch:
        started = attempt.row.started_at
        if isinstance(attempt.outcome, Accepted) and started is not None:
            number = attempt.row.connection_id
            found[number] = max(started, found.get(number, started))
    return found


def _ended(attempt: Attempt) -> Ended:
    outcome = attempt.outcome
    code = (outcome.code or outcome.http) if isinstance(outcome, Refused) else None
    return Ended(attempt.row.message_id, attempt.row.attempts, _name(outcome), code)


def _name(outcome: Outcome) -> str:
    match outcome:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case Unknown(reason):
            return reason
        case NotSent(reason):
            return reason
        case Withheld(reason):
            return reason
