"""A batch of events: rows, counters, position and changes in one transaction (D6)."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.projections.domain import cards, fates
from services.projections.domain.events import Event
from services.projections.handlers.fold import fold
from services.projections.handlers.models import Models, Wanted, changed, wanted
from services.projections.handlers.ports import Connection, Place, Store
from shared.contracts.envelope import Envelope, Message
from shared.contracts.inbox import ContactCard, Row, RowChanged, TimelineChanged
from shared.contracts.topics import INBOX_CHANGES
from shared.plumbing import logs, metrics
from shared.plumbing.kafka import Outgoing
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool
from shared.plumbing.sequence import Gap, advance, judge

_SOURCE: Final = "projections"
_folded = metrics.counter("events_folded", "Events that the read models have taken")
_gaps = metrics.counter("version_gaps", "Versions that were missing and fetched from the feed")
_log = logs.get(__name__)


class Feed(Protocol):
    """The feed of tickets, by stream."""

    async def stream(self, stream: UUID, from_version: int, /) -> Sequence[Event]:
        """The events of one stream from a version on."""
        ...


class EpochRaisedError(Exception):
    """The event store was restored: the read models must be built again (D6)."""


class VersionMissingError(Exception):
    """The feed does not have a version that a later one proves: alarm, and try again."""


class Project:
    """Folds batches; every batch is complete or did not happen."""

    def __init__(self, pool: Pool, store: Store, outbox: Outbox, feed: Feed) -> None:
        self._pool = pool
        self._store = store
        self._outbox = outbox
        self._feed = feed
        self.moved = asyncio.Condition()  # notified after each batch

    async def apply(self, events: Sequence[Event]) -> int:
        """Fold what is new of these events; how many were. Raises EpochRaisedError."""
        mended: list[Event] = []
        while True:
            async with self._pool.connection() as conn:
                folded, gaps = await self._fold(conn, events, mended)
                if gaps:
                    await conn.rollback()
            if not gaps:
                break
            mended = [*mended, *await self._fetched(gaps)]
        if folded:
            self._outbox.wake.set()
            _folded.inc(folded)
        async with self.moved:
            self.moved.notify_all()
        return folded

    async def _fold(
        self, conn: Connection, events: Sequence[Event], mended: Sequence[Event]
    ) -> tuple[int, dict[UUID, int]]:
        places = await self._store.lock_places(conn, sorted({event.partition for event in events}))
        fresh = sorted([*mended, *_fresh(events, places)], key=lambda event: event.log_id)
        verdicts = await judge(conn, [(event.stream, event.version) for event in fresh])
        gaps: dict[UUID, int] = {}
        for event, verdict in zip(fresh, verdicts, strict=True):
            if isinstance(verdict, Gap):
                gaps.setdefault(event.stream, verdict.from_version)
        if gaps:
            return 0, gaps
        new = [event for event, verdict in zip(fresh, verdicts, strict=True) if verdict == "apply"]
        if new:
            await self._take(conn, new)
        await self._store.move(conn, _moved(places, events))
        return len(new), {}

    async def _take(self, conn: Connection, events: Sequence[Event]) -> None:
        before = await self._load(conn, wanted(events))
        after = before.copy()
        for event in events:
            fold(after, event)
        await self._complete(conn, before, after)
        rows, lines = changed(before.rows, after.rows), _touched(before, after)
        await self._store.save(conn, before, after)
        await self._store.count(conn, _counted(before, after, rows))
        await advance(conn, [(event.stream, event.version) for event in events])
        told = _renamed(before, after)
        changes = [
            *(_row_changed(before, after, id_) for id_ in dict.fromkeys([*rows, *told])),
            *(
                _line_changed(after, id_)
                for id_ in lines
                if after.lines[id_].ticket_id in after.rows
            ),
        ]
        at = events[-1].time
        await self._outbox.put(conn, [_outgoing(change, at) for change in changes])

    async def _load(self, conn: Connection, ids: Wanted) -> Models:
        models = await self._store.load(conn, ids)
        aliases = {fate.same_as for fate in models.fates.values() if fate.same_as is not None}
        missing = aliases - ids.messages
        if missing:
            more = await self._store.load(conn, replace(ids, messages=frozenset(missing)))
            models.fates.update(more.fates)
            models.lines.update(more.lines)
        return models

    async def _complete(self, conn: Connection, before: Models, after: Models) -> None:
        """Load the cards of lines whose fate changed: they say who may see the change."""
        tickets = {line.ticket_id for line in after.lines.values()} - set(after.rows)
        if not tickets:
            return
        none = frozenset[UUID]()
        more = await self._store.load(conn, Wanted(frozenset(tickets), none, none, none))
        for models in (before, after):
            models.rows.update(more.rows)

    async def _fetched(self, gaps: dict[UUID, int]) -> list[Event]:
        found: list[Event] = []
        for stream, version in gaps.items():
            _gaps.inc()
            _log.warning("gap", stream=str(stream), version=version)
            events = await self._feed.stream(stream, version)
            if not events or events[0].version != version:
                raise VersionMissingError(stream)
            found.extend(events)
        return found


def _fresh(events: Iterable[Event], places: dict[int, Place]) -> list[Event]:
    fresh: list[Event] = []
    for event in events:
        place = places[event.partition]
        if event.epoch > place.epoch:
            raise EpochRaisedError(event.epoch)
        if event.log_id > place.log_id:
            fresh.append(event)
    return fresh


def _moved(places: dict[int, Place], events: Iterable[Event]) -> list[Place]:
    moved = dict(places)
    for event in events:
        place = moved[event.partition]
        offset = place.kafka_offset if event.offset is None else event.offset + 1
        moved[event.partition] = replace(
            place, log_id=max(place.log_id, event.log_id), kafka_offset=offset
        )
    return [place for partition, place in moved.items() if place != places[partition]]


def _counted(
    before: Models, after: Models, rows: Iterable[UUID]
) -> dict[tuple[int, UUID, str, UUID | None, UUID | None], int]:
    counts: Counter[tuple[int, UUID, str, UUID | None, UUID | None]] = Counter()
    for id_ in rows:
        old = before.rows.get(id_)
        if old is not None:
            counts[_counter(old)] -= 1
        counts[_counter(after.rows[id_])] += 1
    return {key: delta for key, delta in counts.items() if delta}


def _counter(row: Row) -> tuple[int, UUID, str, UUID | None, UUID | None]:
    partition = int(row.position.partition(".")[2].partition("-")[0])
    return partition, row.account_id, row.view, row.sector_id, row.owner_id


def _touched(before: Models, after: Models) -> list[UUID]:
    fated = [id_ for id_ in changed(before.fates, after.fates) if id_ in after.lines]
    return list(dict.fromkeys([*changed(before.lines, after.lines), *fated]))


def _renamed(before: Models, after: Models) -> list[UUID]:
    people = set(changed(before.people, after.people))
    return [row.id for row in before.rows.values() if row.contact.id in people]


def _row_changed(before: Models, after: Models, id_: UUID) -> RowChanged:
    old, row = before.rows.get(id_), after.rows[id_]
    person = after.people.get(row.contact.id)
    contact = row.contact
    if person is not None:
        contact = ContactCard(id=person.id, name=person.name, phone=person.phone)
    return RowChanged(
        account_id=row.account_id,
        before=None if old is None else cards.seen(old),
        after=cards.seen(row),
        row=row.model_copy(update={"contact": contact}),
    )


def _line_changed(after: Models, id_: UUID) -> TimelineChanged:
    line = after.lines[id_]
    row = after.rows[line.ticket_id]
    item = fates.shown(line, after.fates.get(id_))
    return TimelineChanged(account_id=row.account_id, seen=cards.seen(row), item=item)


def _outgoing(change: RowChanged | TimelineChanged, at: datetime) -> Outgoing:
    message: Message = change
    if isinstance(change, RowChanged):
        subject, position = change.row.id, change.row.position
    else:
        subject, position = change.item.id, change.item.position
    envelope = Envelope(
        id=f"{subject}@{position}",
        type=message.TYPE,
        source=_SOURCE,
        time=at,
        subject=str(subject),
        account=change.account_id,
    )
    return Outgoing(INBOX_CHANGES.name, str(change.account_id).encode(), envelope, message.body())
