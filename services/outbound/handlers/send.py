"""Commit the attempt, open the socket within 5 s, never twice (D8; reliability.md 3).

A turn of the loop locks the numbers for which something is due and that no other process looks at,
keeps to their pace, locks their rows, the first of each conversation, and commits all those
attempts at once. Then each is sent on its own, if its window is open.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from services.outbound.domain import fate
from services.outbound.domain.fate import Change
from services.outbound.domain.outcome import NotSent, Outcome, Unknown, Withheld
from services.outbound.domain.pace import Rate, Turn
from services.outbound.domain.queue_row import QueueRow, State
from services.outbound.domain.window import is_open
from services.outbound.handlers.outcomes import Attempt, Recorder
from services.outbound.handlers.ports import Due, Graph, Hashes, Held, Numbers, Store, Work
from services.outbound.handlers.statuses import fold
from shared.contracts.inbound import Status
from shared.contracts.outbound import SendMessage
from shared.plumbing import logs, metrics, tasks, tracing
from shared.plumbing.failpoints import FAILPOINTS, hit
from shared.plumbing.loops import Heartbeat

FIRST_BYTE_SECONDS: Final = 5.0

FAILPOINTS.update({"outbound.after_attempt", "outbound.after_socket"})
_in_flight = metrics.gauge("outbound_in_flight", "Attempts whose outcome is not known yet")
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once, and how long before its end a window counts as closed."""

    in_flight: int
    window_margin: timedelta


@dataclass(frozen=True, slots=True)
class _Plan:
    changes: tuple[Change, ...]  # refused, deferred, settled: nothing is sent
    taken: tuple[Due, ...]  # with the row as it stands during the attempt

    @property
    def says_something(self) -> bool:
        return bool(self.changes or self.taken)


_NOTHING: Final = _Plan((), ())


class Send:
    """The sender of one process."""

    def __init__(
        self,
        store: Store,
        graph: Graph,
        numbers: Numbers,
        hashes: Hashes,
        recorder: Recorder,
        rate: Rate,
        *,
        session: UUID,
        limits: Limits,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._graph = graph
        self._numbers = numbers
        self._hashes = hashes
        self._recorder = recorder
        self._rate = rate  # of each number
        self._session = session
        self._limits = limits
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    async def turn(self, beat: Heartbeat) -> None:
        """A body for Loops: start everything that is due and that we have room for."""
        while await self._some():
            beat.beat()

    async def finish(self, seconds: float) -> None:
        """Wait for the attempts in flight; what is left then will be unknown."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        await tasks.end(*self._tasks)

    async def _some(self) -> bool:
        room = self._limits.in_flight - len(self._tasks)
        ready = self._numbers.ready()
        if room <= 0 or not ready:
            return False
        async with self._store.begin() as work:
            plan = await self._claim(work, ready, room)
        committed = monotonic()
        for each in plan.taken:
            self._start(each, committed)
        return plan.says_something

    async def _claim(self, work: Work, ready: Sequence[UUID], room: int) -> _Plan:
        now = self._now()
        locked = await work.numbers(ready, self._session, now)
        turn = Turn(self._rate, locked.now, locked.numbers)
        allowed = turn.allows(room)
        if not allowed:
            return _NOTHING
        limits = _with_holds(allowed, await work.held(now))  # after the lock: a probe may be begun
        due = await work.due(limits, room, now) if limits else ()
        if not due:
            return _NOTHING
        turn.meet(await work.pairs([id_ for d in due if (id_ := d.row.conversation_id)]))
        plan = self._plan(due, await work.orphans([d.row.message_id for d in due]), turn, now)
        await work.save([*plan.changes, *(Change(d.row) for d in plan.taken)])
        await work.start_attempts([d.row for d in plan.taken])
        await work.spend(turn.numbers, turn.pairs)
        return plan

    def _plan(
        self,
        due: Sequence[Due],
        orphans: Mapping[UUID, Sequence[Status]],
        turn: Turn,
        now: datetime,
    ) -> _Plan:
        changes: list[Change] = []
        taken: list[Due] = []
        for each in due:
            row = each.row
            change = self._stopped(each, orphans.get(row.message_id, ()), turn, now)
            if change is not None:
                changes.append(change)
            else:
                turn.sends(row.connection_id, row.conversation_id)
                taken.append(replace(each, row=self._sending(row, now)))
        return _Plan(tuple(changes), tuple(taken))

    def _stopped(
        self, due: Due, orphans: Sequence[Status], turn: Turn, now: datetime
    ) -> Change | None:
        """Why it is not sent now; None: it is."""
        row = due.row
        if row.conversation_id is None:
            return None if due.command else Change(replace(row, state=State.DEAD))
        if orphans and (settled := fold(row, orphans, self._hashes)):
            return settled
        if due.command is None:
            return fate.refused(row, "unreadable", (), now)
        waits = turn.pair_waits(row.conversation_id)
        if waits > 0:
            return Change(replace(row, next_attempt_at=now + timedelta(seconds=waits)))
        return None

    def _sending(self, row: QueueRow, now: datetime) -> QueueRow:
        return replace(
            row,
            state=State.SENDING,
            attempts=row.attempts + 1,
            session=self._session,
            started_at=now,
        )

    def _start(self, due: Due, committed: float) -> None:
        task = asyncio.create_task(self._attempt(due, committed))
        self._tasks.add(task)
        _in_flight.set(len(self._tasks))
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        _in_flight.set(len(self._tasks))

    async def _attempt(self, due: Due, committed: float) -> None:
        try:
            hit("outbound.after_attempt")
            outcome = await self._outcome(due, committed)
            hit("outbound.after_socket")
        except Exception:  # noqa: BLE001  whatever broke, the request may have been written
            _log.exception("attempt broke", message=due.row.message_id)
            outcome = Unknown("cut")
        self._recorder.add(Attempt(due.row, outcome))

    async def _outcome(self, due: Due, committed: float) -> Outcome:
        number = self._numbers.get(due.row.connection_id)
        if number is None or due.command is None:
            return NotSent("number_away")
        left = FIRST_BYTE_SECONDS - (monotonic() - committed)
        if left <= 0:
            return NotSent("late")
        if isinstance(due.command, SendMessage) and not is_open(
            due.window_closes_at, self._now(), self._limits.window_margin
        ):
            return Withheld("window_closed")
        with tracing.step("outbound.send", due.row.correlation):
            return await self._graph.send(number, due.command, connect_seconds=left)


def _with_holds(allowed: Mapping[UUID, int], held: Mapping[UUID, Held]) -> Mapping[UUID, int]:
    """A number that refused lets one message through when its time is over."""
    free = {number: most for number, most in allowed.items() if number not in held}
    probes = {number for number in allowed.keys() & held.keys() if held[number].may_probe}
    return {**free, **dict.fromkeys(probes, 1)}
