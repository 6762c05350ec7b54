"""Fold a batch of events: rows, checkpoints and changes in one transaction (D6)."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.domain.positions import Checkpoint, Progress
from services.projections.handlers.ports import StreamFeed
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.read_models.cards.queries import accounts
from services.projections.read_models.read_model import Batch, Change, Connection, States
from services.projections.storage import batches, checkpoints, schemas
from services.projections.storage.batches import Loaded, State
from shared.contracts.envelope import Envelope
from shared.contracts.inbox import RebuiltModels
from shared.contracts.topics import INBOX_CHANGES
from shared.plumbing import logs, metrics
from shared.plumbing.kafka import Outgoing
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import VersionMissingError
from shared.plumbing.postgres import Pool
from shared.plumbing.sequence import APPLY, GAPS_SEEN, Gap, verdicts
from shared.plumbing.transient import TransientError

_SOURCE: Final = "projections"
_folded = metrics.counter("events_folded", "Events that the read models have taken")
_unknown = metrics.counter(
    "events_of_unknown_type", "Events of a type that this version does not know, which none folds"
)
_log = logs.get(__name__)


class EpochRaisedError(Exception):
    """The event store was restored: the read models must be built again (D6)."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.epoch = epoch


class NotOurTurnError(TransientError):
    """Somebody else folds this model now (see State), or it has another form; it says which."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One batch: events to fold, those added from the feed or `parked`, and new checkpoints."""

    events: Sequence[Event]
    progress: Sequence[Progress]
    told: bool
    mended: list[Event] = field(default_factory=list[Event])

    def partitions(self) -> list[int]:
        """Whose checkpoints are locked."""
        return sorted({each.partition for each in self.brought()})

    def brought(self) -> Iterable[Progress | Event]:
        """Everything that says how far a partition is."""
        return (*self.progress, *self.events, *self.mended)


class Project:
    """Folds batches into one model; every batch is complete or did not happen.

    `turn`: the state in which the model is ours to fold. Without an outbox screens hear nothing.
    `moved` is notified after each batch.
    """

    def __init__(
        self,
        pool: Pool,
        outbox: Outbox | None,
        feed: StreamFeed,
        *,
        turn: State = "following",
        moved: asyncio.Condition | None = None,
        read_models: ReadModels = READ_MODELS,
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._feed = feed
        self._turn: State = turn
        self._moved = moved or asyncio.Condition()
        self._read_models = read_models
        self._form = schemas.form(read_models)

    async def apply(
        self,
        events: Sequence[Event],
        *,
        progress: Sequence[Progress] | None = None,
        told: bool = True,
    ) -> int:
        """Fold what is new of these events, and move the checkpoints by `progress`, or by them.

        How many were new. `told`: screens hear of it. Raises EpochRaisedError, and whatever an
        event that cannot be folded raises; then nothing was stored.
        """
        reached = [_progress(event) for event in events] if progress is None else progress
        return await self._complete(_Work(events, reached, told))

    async def retry(self, event: Event) -> None:
        """Fold an event that its checkpoint has passed: the version of its stream decides."""
        work = _Work([], [], told=True)
        work.mended.append(event)
        await self._complete(work)

    async def reset(self, conn: Connection, at: datetime) -> None:
        """Tell screens to load again, if they see this model, in the caller's transaction."""
        if self._outbox is not None and await batches.is_live(conn):
            await self._outbox.put(conn, resets(await accounts(conn), at))

    async def forget(self, conn: Connection, epoch: int) -> bool:
        """Empty the model; False when it is of this epoch already."""
        return await checkpoints.forget(conn, epoch, self._read_models)

    async def _complete(self, work: _Work) -> int:
        while True:
            async with self._pool.connection() as conn:
                folded, gaps = await self._attempt(conn, work)
                if gaps:
                    await conn.rollback()
            if not gaps:
                break
            work.mended.extend(await self._fetched(gaps))
        if folded:
            if self._outbox is not None:
                self._outbox.wake.set()
            _folded.inc(folded)
        async with self._moved:
            self._moved.notify_all()
        return folded

    async def _attempt(self, conn: Connection, work: _Work) -> tuple[int, dict[UUID, range]]:
        events = [*work.mended, *work.events]
        loaded = await batches.load(conn, self._read_models, events, work.partitions())
        self._ours(loaded)
        _no_feed_under_way(work, loaded.checkpoints)
        _same_epoch(work, loaded.checkpoints)
        new, gaps = _new(work, loaded)
        if gaps:
            return 0, gaps
        batch = Batch(loaded.states, self._fold(loaded, new), new)
        told = await self._told(conn, batch) if new and work.told and loaded.live else []
        async with conn.pipeline():  # one round trip
            await batches.save(conn, self._read_models, batch)
            if self._outbox is not None:
                await self._outbox.put(conn, told)
            await checkpoints.move(conn, _moved(loaded.checkpoints, work.progress))
            await conn.commit()
        return len(new), {}

    def _ours(self, loaded: Loaded) -> None:
        """Raise NotOurTurnError unless this process may fold the model."""
        if loaded.state != self._turn:
            raise NotOurTurnError(loaded.state)
        if loaded.form != self._form:
            reason = "it has another form"
            raise NotOurTurnError(reason)

    def _fold(self, loaded: Loaded, new: Sequence[Event]) -> States:
        after = loaded.states.copy()
        for event in new:
            if event.message is None and event.fault is None:
                _unknown.inc()
            for model in self._read_models:
                model.fold(after, event)
        return after

    async def _told(self, conn: Connection, batch: Batch) -> list[Outgoing]:
        """The changes as messages, each with the correlation of the event that it ends with."""
        changes = [
            change for model in self._read_models for change in await model.changes(conn, batch)
        ]
        correlations = {event.position: event.correlation for event in batch.events}
        return [_outgoing(each, batch.events[-1].time, correlations) for each in changes]

    async def _fetched(self, gaps: dict[UUID, range]) -> list[Event]:
        found: list[Event] = []
        for stream, missing in gaps.items():
            GAPS_SEEN.inc()
            _log.warning("gap", stream=str(stream), version=missing.start)
            events = await self._feed.stream(stream, missing.start)
            if not events or events[0].version != missing.start:
                raise VersionMissingError(stream)
            # no later ones: they come in turn, after what the key's other streams say
            found.extend(event for event in events if event.version in missing)
        return found


def resets(accounts_told: Iterable[UUID], at: datetime) -> list[Outgoing]:
    """What makes the screens of these accounts load again."""
    changes = (
        Change(RebuiltModels(account_id=account), account, account, at.isoformat())
        for account in accounts_told
    )
    return [_outgoing(change, at, {}) for change in changes]


def _new(work: _Work, loaded: Loaded) -> tuple[list[Event], dict[UUID, range]]:
    """What is to be folded, in the order of the log; or what is missing before it can be."""
    fresh = [e for e in work.events if e.log_id > loaded.checkpoints[e.partition].log_id]
    if work.mended:
        fresh = [*work.mended, *fresh]
    # of an older epoch: the restore took it back, and its id may be another event's now
    fresh = [e for e in fresh if e.epoch == loaded.checkpoints[e.partition].epoch]
    fresh.sort(key=lambda event: event.log_id)
    judged = verdicts(loaded.versions, [(event.stream, event.version) for event in fresh])
    new: list[Event] = []
    missing: dict[UUID, range] = {}
    for event, verdict in zip(fresh, judged, strict=True):
        if isinstance(verdict, Gap):  # from the first that is missing to the last that is proved
            start = missing.get(event.stream, range(verdict.from_version, 0)).start
            missing[event.stream] = range(start, event.version)
        elif verdict == APPLY:
            new.append(event)
    return new, missing


def _no_feed_under_way(work: _Work, known: Mapping[int, Checkpoint]) -> None:
    """What Kafka brings now would skip all that the feed of another process has still to bring."""
    missing = [number for number in work.partitions() if number not in known]
    by_kafka = {each.partition for each in work.brought() if each.offset is not None}
    if missing or not all(known[number].followed for number in by_kafka if number in known):
        reason = "the feed is being read"
        raise NotOurTurnError(reason)


def _same_epoch(work: _Work, known: Mapping[int, Checkpoint]) -> None:
    for brought in work.brought():
        if brought.epoch > known[brought.partition].epoch:
            raise EpochRaisedError(brought.epoch)


def _progress(event: Event) -> Progress:
    return Progress(event.partition, event.epoch, event.log_id, event.offset)


def _moved(known: Mapping[int, Checkpoint], progress: Iterable[Progress]) -> list[Checkpoint]:
    log_ids: dict[int, int] = {}
    offsets: dict[int, int] = {}
    for each in progress:
        log_id = each.log_id if each.epoch == known[each.partition].epoch else 0
        log_ids[each.partition] = max(log_id, log_ids.get(each.partition, 0))
        if each.offset is not None:
            offsets[each.partition] = each.offset + 1
    moved = [
        replace(
            known[partition],
            log_id=max(known[partition].log_id, log_id),
            last_event=max(known[partition].last_event, log_id),
            kafka_offset=offsets.get(partition, known[partition].kafka_offset),
        )
        for partition, log_id in log_ids.items()
    ]
    return [checkpoint for checkpoint in moved if checkpoint != known[checkpoint.partition]]


def _outgoing(change: Change, at: datetime, correlations: Mapping[str, str | None]) -> Outgoing:
    envelope = Envelope(
        id=f"{change.subject}@{change.position}",
        type=change.message.TYPE,
        source=_SOURCE,
        time=at,
        subject=str(change.subject),
        account=change.account_id,
        correlation=correlations.get(change.position),
    )
    key = str(change.account_id).encode()
    return Outgoing(INBOX_CHANGES.name, key, envelope, change.message.body())
