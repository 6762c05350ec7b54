"""A batch of events: rows, counters, position and changes in one transaction (D6)."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.projections.domain import cards, fates
from services.projections.domain.events import Event
from services.projections.handlers.fold import fold
from services.projections.handlers.models import Changed, Models, difference, wanted
from services.projections.handlers.ports import (
    Connection,
    CounterKey,
    Found,
    Mark,
    Place,
    State,
    Store,
)
from shared.contracts.envelope import Envelope, Message
from shared.contracts.inbox import ContactCard, RebuiltModels, Row, RowChanged, TimelineChanged
from shared.contracts.topics import INBOX_CHANGES
from shared.plumbing import logs, metrics
from shared.plumbing.kafka import Outgoing
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool
from shared.plumbing.sequence import APPLY, GAPS_SEEN, Gap, advance, verdicts
from shared.plumbing.transient import TransientError

_SOURCE: Final = "projections"
_folded = metrics.counter("events_folded", "Events that the read models have taken")
_log = logs.get(__name__)


class Feed(Protocol):
    """The feed of tickets, by stream."""

    async def stream(self, stream: UUID, from_version: int, /) -> Sequence[Event]:
        """The events of one stream from a version on."""
        ...


class EpochRaisedError(Exception):
    """The event store was restored: the read models must be built again (D6)."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.epoch = epoch


class NotOurTurnError(TransientError):
    """Somebody else folds this model now, or nobody (see State); it says who, or what."""


class VersionMissingError(Exception):
    """The feed does not have a version that a later one proves: its key is held."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events to fold, what the feed or the parking place added, and how far the places go."""

    events: Sequence[Event]
    marks: Sequence[Mark]
    told: bool
    mended: list[Event] = field(default_factory=list[Event])

    def partitions(self) -> list[int]:
        """Whose places are locked."""
        brought = (*self.marks, *self.events, *self.mended)
        return sorted({each.partition for each in brought})


class Project:
    """Folds batches into one model; every batch is complete or did not happen.

    `turn`: the state in which the model is ours to fold. Without an outbox screens hear nothing.
    `moved` is notified after each batch.
    """

    def __init__(
        self,
        pool: Pool,
        store: Store,
        outbox: Outbox | None,
        feed: Feed,
        *,
        turn: State = "following",
        moved: asyncio.Condition | None = None,
    ) -> None:
        self._pool = pool
        self._store = store
        self._outbox = outbox
        self._feed = feed
        self._turn: State = turn
        self._moved = moved or asyncio.Condition()

    async def apply(
        self, events: Sequence[Event], *, marks: Sequence[Mark] | None = None, told: bool = True
    ) -> int:
        """Fold what is new of these events, and move the places to `marks` (or to the events).

        How many were new. `told`: screens hear of it. Raises EpochRaisedError, and whatever an
        event that cannot be folded raises; then nothing was stored.
        """
        reached = [_mark(event) for event in events] if marks is None else marks
        return await self._complete_batch(_Batch(events, reached, told))

    async def retry(self, event: Event) -> None:
        """Fold an event that its partition's place has passed: its stream's version decides."""
        batch = _Batch([], [], told=True)
        batch.mended.append(event)
        await self._complete_batch(batch)

    async def reset(self, conn: Connection, at: datetime) -> None:
        """Tell every screen to load again, if it sees this model, with the caller's transaction."""
        if self._outbox is not None and await self._store.is_live(conn):
            await self._outbox.put(conn, resets(await self._store.accounts(conn), at))

    async def _complete_batch(self, batch: _Batch) -> int:
        while True:
            async with self._pool.connection() as conn:
                folded, gaps = await self._fold(conn, batch)
                if gaps:
                    await conn.rollback()
            if not gaps:
                break
            batch.mended.extend(await self._fetched(gaps))
        if folded:
            if self._outbox is not None:
                self._outbox.wake.set()
            _folded.inc(folded)
        async with self._moved:
            self._moved.notify_all()
        return folded

    async def _fold(self, conn: Connection, batch: _Batch) -> tuple[int, dict[UUID, range]]:
        events = [*batch.mended, *batch.events]
        found = await self._store.look(conn, events, batch.partitions())
        if found.state != self._turn:
            raise NotOurTurnError(found.state)
        _no_feed_on_its_way(batch, found.places)
        _same_epoch(batch, found.places)
        new, gaps = _new(batch, found)
        if gaps:
            return 0, gaps
        before = await self._whole(conn, found.models)
        after = before.copy()
        for event in new:
            fold(after, event)
        changed = difference(before, after)
        told: list[Outgoing] = []
        if new and batch.told and found.live:
            await self._complete(conn, before, after)
            told = _told(new, _changes(before, after, changed, _named(new)))
        async with conn.pipeline():  # one round trip
            await self._store.save(conn, before, after, changed)
            await self._store.count(conn, _counted(before, after, changed))
            await advance(conn, [(event.stream, event.version) for event in new])
            if self._outbox is not None:
                await self._outbox.put(conn, told)
            await self._store.move(conn, _moved(found.places, batch.marks))
            await conn.commit()
        return len(new), {}

    async def _whole(self, conn: Connection, models: Models) -> Models:
        """With the messages that turned out to be the same as one of these."""
        aliases = {fate.same_as for fate in models.fates.values() if fate.same_as is not None}
        missing = aliases - models.fates.keys()
        if missing:
            more = await self._store.messages(conn, missing)
            models.fates.update(more.fates)
            models.lines.update(more.lines)
        return models

    async def _complete(self, conn: Connection, before: Models, after: Models) -> None:
        """Load the cards of lines whose fate changed: they say who may see the change."""
        tickets = {line.ticket_id for line in after.lines.values()} - after.rows.keys()
        if tickets:
            more = await self._store.cards_of(conn, tickets)
            for models in (before, after):
                models.rows.update(more)

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


def resets(accounts: Iterable[UUID], at: datetime) -> list[Outgoing]:
    """What makes the screens of these accounts load again."""
    return [_outgoing(RebuiltModels(account_id=account), at) for account in accounts]


def _new(batch: _Batch, found: Found) -> tuple[list[Event], dict[UUID, range]]:
    """What is to be folded, in the order of the log; or what is missing before it can be."""
    fresh = [e for e in batch.events if e.log_id > found.places[e.partition].log_id]
    if batch.mended:
        fresh = [*batch.mended, *fresh]
    # of an older epoch: the restore took it back, and its id may be another event's now
    fresh = [e for e in fresh if e.epoch == found.places[e.partition].epoch]
    fresh.sort(key=lambda event: event.log_id)
    judged = verdicts(found.versions, [(event.stream, event.version) for event in fresh])
    new: list[Event] = []
    missing: dict[UUID, range] = {}
    for event, verdict in zip(fresh, judged, strict=True):
        if isinstance(verdict, Gap):  # from the first that is missing to the last that is proved
            start = missing.get(event.stream, range(verdict.from_version, 0)).start
            missing[event.stream] = range(start, event.version)
        elif verdict == APPLY:
            new.append(event)
    return new, missing


def _no_feed_on_its_way(batch: _Batch, places: dict[int, Place]) -> None:
    """What Kafka brings now would skip all that the feed of another process has still to bring."""
    missing = [number for number in batch.partitions() if number not in places]
    by_kafka = {each.partition for each in (*batch.marks, *batch.events) if each.offset is not None}
    if missing or not all(places[number].followed for number in by_kafka):
        reason = "the feed is on its way"
        raise NotOurTurnError(reason)


def _same_epoch(batch: _Batch, places: dict[int, Place]) -> None:
    for brought in (*batch.marks, *batch.events, *batch.mended):
        if brought.epoch > places[brought.partition].epoch:
            raise EpochRaisedError(brought.epoch)


def _mark(event: Event) -> Mark:
    return Mark(event.partition, event.epoch, event.log_id, event.offset)


def _moved(places: dict[int, Place], marks: Iterable[Mark]) -> list[Place]:
    log_ids: dict[int, int] = {}
    offsets: dict[int, int] = {}
    for mark in marks:
        log_id = mark.log_id if mark.epoch == places[mark.partition].epoch else 0
        log_ids[mark.partition] = max(log_id, log_ids.get(mark.partition, 0))
        if mark.offset is not None:
            offsets[mark.partition] = mark.offset + 1
    moved = [
        replace(
            places[partition],
            log_id=max(places[partition].log_id, log_id),
            last_event=max(places[partition].last_event, log_id),
            kafka_offset=offsets.get(partition, places[partition].kafka_offset),
        )
        for partition, log_id in log_ids.items()
    ]
    return [place for place in moved if place != places[place.partition]]


def _named(new: Sequence[Event]) -> dict[UUID, str]:
    """Where in the log contacts got the names that their cards show from now on."""
    return {contact: event.position for event in new for contact in wanted([event]).renamed}


def _changes(
    before: Models, after: Models, changed: Changed, named: Mapping[UUID, str]
) -> list[RowChanged | TimelineChanged]:
    people = set(changed.people)
    renamed = [row.id for row in before.rows.values() if row.contact.id in people]
    fated = [id_ for id_ in changed.fates if id_ in after.lines]
    return [
        *(
            _row_changed(before, after, id_, named)
            for id_ in dict.fromkeys([*changed.rows, *renamed])
        ),
        *(
            _line_changed(after, id_)
            for id_ in dict.fromkeys([*changed.lines, *fated])
            if after.lines[id_].ticket_id in after.rows
        ),
    ]


def _counted(before: Models, after: Models, changed: Changed) -> dict[CounterKey, int]:
    counts: Counter[CounterKey] = Counter()
    for id_ in changed.rows:
        old, row = before.rows.get(id_), after.rows[id_]
        if old is None:
            counts[_counter(row)] += 1
        elif (old.view, old.sector_id, old.owner_id) != (row.view, row.sector_id, row.owner_id):
            counts[_counter(old)] -= 1
            counts[_counter(row)] += 1
    return {key: delta for key, delta in counts.items() if delta}


def _counter(row: Row) -> CounterKey:
    partition = int(row.position.partition(".")[2].partition("-")[0])
    return partition, row.account_id, row.view, row.sector_id, row.owner_id


def _row_changed(before: Models, after: Models, id_: UUID, named: Mapping[UUID, str]) -> RowChanged:
    old, row = before.rows.get(id_), after.rows[id_]
    person = after.people.get(row.contact.id)
    contact = row.contact
    if person is not None:
        contact = ContactCard(id=person.id, name=person.name, phone=person.phone)
    # screens drop what is not newer than what they have heard of the row
    position = max(row.position, named.get(contact.id, row.position), key=_log_id)
    return RowChanged(
        account_id=row.account_id,
        before=None if old is None else cards.seen(old),
        after=cards.seen(row),
        row=row.model_copy(update={"contact": contact, "position": position}),
    )


def _log_id(position: str) -> int:
    return int(position.rpartition("-")[2])


def _line_changed(after: Models, id_: UUID) -> TimelineChanged:
    line = after.lines[id_]
    row = after.rows[line.ticket_id]
    item = fates.shown(line, after.fates.get(id_))
    return TimelineChanged(account_id=row.account_id, seen=cards.seen(row), item=item)


def _told(new: Sequence[Event], changes: Iterable[RowChanged | TimelineChanged]) -> list[Outgoing]:
    """The changes as messages, each with the correlation of the event that it ends with."""
    correlations = {event.position: event.correlation for event in new}
    return [_outgoing(each, new[-1].time, correlations) for each in changes]


def _outgoing(
    change: RowChanged | TimelineChanged | RebuiltModels,
    at: datetime,
    correlations: Mapping[str, str | None] = {},
) -> Outgoing:
    message: Message = change
    if isinstance(change, RowChanged):
        subject, place = str(change.row.id), change.row.position
    elif isinstance(change, TimelineChanged):
        subject, place = str(change.item.id), change.item.position
    else:
        subject, place = str(change.account_id), at.isoformat()
    envelope = Envelope(
        id=f"{subject}@{place}",
        type=message.TYPE,
        source=_SOURCE,
        time=at,
        subject=subject,
        account=change.account_id,
        correlation=correlations.get(place),
    )
    return Outgoing(INBOX_CHANGES.name, str(change.account_id).encode(), envelope, message.body())
