"""Many callers, one round trip: the coalescing writer of one process (eventstore.md 4).

A thread with one connection takes all that waits, 256 commands at most, and stores it in one call.
"""

import asyncio
import os
import socket
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import psycopg

from services.tickets.storage.append import Batch, Prepared
from services.tickets.storage.contract import (
    RejectedCommandError,
    Stored,
    StoreTimeoutError,
    Verdict,
)
from services.tickets.storage.event_store import CANNOT_CONNECT, Recorder, Session
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import TRANSIENT

_FIRST_BACKOFF_SECONDS: Final = 0.05
_LONGEST_BACKOFF_SECONDS: Final = 2.0
_IDLE_SECONDS: Final = 1.0
_TOO_LARGE: Final = "54"  # class of program limits: an OperationalError, but it never passes
_log = logs.get(__name__)
_batches = metrics.histogram(
    "store_batch_commands", "Commands in one call of the append", buckets=(1, 2, 4, 16, 64, 256)
)


class WriterStoppedError(RuntimeError):
    """The writer is stopped, or died."""


class WriterStuckError(RuntimeError):
    """The writer's thread does not come back from a call, or died."""


@dataclass(slots=True, eq=False)
class _Item:
    prepared: Prepared
    future: "asyncio.Future[Verdict]"
    unsure: bool = False  # sent on a connection that was lost: it may be stored


@dataclass(slots=True)
class _Queue:
    """What waits; the thread sleeps on `filled`."""

    items: deque[_Item] = field(default_factory=deque)
    filled: threading.Condition = field(default_factory=threading.Condition)
    stopping: bool = False

    def put(self, items: Sequence[_Item]) -> None:
        with self.filled:
            self.items.extend(items)
            self.filled.notify()

    def put_back(self, items: Sequence[_Item]) -> None:
        with self.filled:
            self.items.extendleft(reversed(items))

    def take(self, most: int) -> list[_Item]:
        with self.filled:
            if not self.items and not self.stopping:
                self.filled.wait(_IDLE_SECONDS)
            taken = [self.items.popleft() for _ in range(min(most, len(self.items)))]
        return [item for item in taken if not item.future.done()]  # who gave up sends again

    def stop(self) -> None:
        with self.filled:
            self.stopping = True
            self.filled.notify()


class Writer:
    """`append` from the event loop that called `start`; `watch` is the body of its loop."""

    def __init__(
        self, recorder: Recorder, *, most: int = 256, deadline_seconds: float = 8.0
    ) -> None:
        self._recorder = recorder
        self._most = most
        self._deadline_seconds = deadline_seconds
        self._queue = _Queue()
        self._fresh: list[_Item] = []
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: Session | None = None
        self._calling_since: float | None = None
        self._alive_at = monotonic()

    async def start(self) -> None:
        """Start the thread; it connects by itself, and again for ever."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Store what waits, then end."""
        self._queue.stop()
        await asyncio.to_thread(self._thread.join, self._deadline_seconds)

    async def append(self, prepared: Prepared) -> Verdict:
        """The verdict of one command.

        Raises ForeignStreamError, RejectedCommandError, StoreTimeoutError (it may be stored yet).
        """
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._enqueue(_Item(prepared, future))
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await future
        except TimeoutError:
            raise StoreTimeoutError from None

    def _enqueue(self, item: _Item) -> None:
        """Hand over once per turn of the loop: callers that wake together share a batch."""
        if self._queue.stopping:
            raise WriterStoppedError
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._flush)
        self._fresh.append(item)

    def _flush(self) -> None:
        fresh, self._fresh = self._fresh, []
        self._queue.put(fresh)

    async def watch(self, beat: Heartbeat) -> None:
        """Beat while the thread lives; cut a call that hangs longer than the server's limits."""
        since = self._calling_since
        if since is not None and monotonic() - since > self._deadline_seconds:
            self.cut()
        if not self._thread.is_alive() or monotonic() - self._alive_at > 3 * self._deadline_seconds:
            raise WriterStuckError
        beat.beat()

    @property
    def calling(self) -> bool:
        """Whether the writer's thread is waiting for PostgreSQL."""
        return self._calling_since is not None

    def cut(self) -> None:
        """Shut the socket under a call: the thread gets an error, connects and sends again."""
        session = self._session
        if session is None:
            return
        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(session.fileno())) as twin,
        ):
            twin.shutdown(socket.SHUT_RDWR)

    # What follows runs in the thread.

    def _run(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while not self._is_over():
            self._alive_at = monotonic()
            try:
                with self._recorder.session() as session:
                    self._session = session
                    backoff = _FIRST_BACKOFF_SECONDS
                    self._serve(session)
            except CANNOT_CONNECT as error:
                _log.warning("store writer lost its connection", error=type(error).__name__)
                threading.Event().wait(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF_SECONDS)
            finally:
                self._session = None

    def _is_over(self) -> bool:
        return self._queue.stopping and not self._queue.items

    def _serve(self, session: Session) -> None:
        while not self._is_over():
            self._alive_at = monotonic()
            items = self._queue.take(self._most)
            if not items:
                continue
            try:
                self._store(session, items)
            except psycopg.Error as error:
                if session.broken:
                    raise
                _log.warning("store writer tries again", error=type(error).__name__)
                threading.Event().wait(_FIRST_BACKOFF_SECONDS)

    def _store(self, session: Session, items: Sequence[_Item]) -> None:
        """One call; what it does not settle goes back to the front of the queue."""
        batch = Batch([item.prepared for item in items])
        try:
            self._calling_since = monotonic()
            rows = session.append(batch.arrays)
        except psycopg.Error as error:
            self._failed(session, items, error)
            return
        finally:
            self._calling_since = None
        _batches.observe(len(items))
        settled: list[tuple[_Item, Verdict | Exception]] = []
        again: list[_Item] = []
        try:
            for item, verdict in zip(items, batch.verdicts(rows), strict=True):
                if verdict is None:
                    again.append(item)
                    continue
                known = self._known(session, item, verdict) if item.unsure else None
                settled.append((item, known or verdict))
        finally:  # a connection lost while looking up: those without a verdict go again
            done = {id(item) for item, _ in settled}
            self._queue.put_back([item for item in items if id(item) not in done])
            self._settle(settled)

    def _known(self, session: Session, item: _Item, verdict: object) -> Stored | None:
        """Our own work, stored on a connection that was lost before it could say so."""
        if isinstance(verdict, Stored):
            return None
        position = session.position_of(item.prepared)
        if position is not None:
            return Stored(position)
        if any(expectation.events for expectation in item.prepared.expectations):
            return None
        return Stored(0) if session.holds(item.prepared) else None

    def _failed(self, session: Session, items: Sequence[_Item], error: psycopg.Error) -> None:
        """Lost: all again, unsure. Passing: all again. Else halve until the culprit is alone."""
        if session.broken or _passes(error):
            for item in items:
                item.unsure = item.unsure or session.broken
            self._queue.put_back(items)
            raise error
        if len(items) == 1:
            _log.error("the store rejects a command", sqlstate=error.sqlstate)
            self._settle([(items[0], RejectedCommandError(error.sqlstate or ""))])
            return
        half = len(items) // 2
        self._halves(session, items[:half], items[half:])

    def _halves(self, session: Session, first: Sequence[_Item], second: Sequence[_Item]) -> None:
        try:
            self._store(session, first)
        except psycopg.Error:
            self._queue.put_back(second)
            raise
        self._store(session, second)

    def _settle(self, settled: Sequence[tuple[_Item, Verdict | Exception]]) -> None:
        if settled and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_tell, settled)


def _passes(error: psycopg.Error) -> bool:
    return isinstance(error, TRANSIENT) and (error.sqlstate or "")[:2] != _TOO_LARGE


def _tell(settled: Sequence[tuple[_Item, Verdict | Exception]]) -> None:
    for item, verdict in settled:
        if item.future.done():
            continue
        if isinstance(verdict, Exception):
            item.future.set_exception(verdict)
        else:
            item.future.set_result(verdict)
