"""How are the read models stored? One statement per table and batch, one round trip for all."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncCursor

from services.projections.domain import cards
from services.projections.domain.events import Event
from services.projections.domain.fates import Fate
from services.projections.handlers.models import Changed, Models, Person, wanted
from services.projections.handlers.ports import Connection, CounterKey, Found, Place
from shared.contracts.envelope import Contract
from shared.contracts.inbox import Row, TimelineItem
from shared.plumbing import sequence

Cursor = AsyncCursor[tuple[Any, ...]]

# Not waiting for the disk loses nothing: rows, position and changes are lost together, and what
# was parked before them comes again. A crash of the server costs some folding.
_LAZILY: Final = "SET LOCAL synchronous_commit = off"
_LOCK_PLACES: Final = """
SELECT partition, epoch, log_id, kafka_offset, follow_from, last_event FROM position
WHERE partition = ANY(%b::int[]) ORDER BY partition FOR UPDATE
"""
_PLACES: Final = """
SELECT partition, epoch, log_id, kafka_offset, follow_from, last_event FROM position
ORDER BY partition
"""
_MOVE: Final = """
INSERT INTO position (partition, epoch, log_id, kafka_offset, follow_from, last_event)
SELECT * FROM unnest(%b::int[], %b::int[], %b::bigint[], %b::bigint[], %b::timestamptz[],
    %b::bigint[])
ON CONFLICT (partition) DO UPDATE SET epoch = excluded.epoch, log_id = excluded.log_id,
    kafka_offset = excluded.kafka_offset, follow_from = excluded.follow_from,
    last_event = excluded.last_event
"""
_MODEL: Final = """
SELECT state, number = (SELECT model FROM pointer) FROM model
WHERE 'rm_v' || number = current_schema()
"""
_CARDS: Final = """
SELECT body::text FROM card WHERE ticket_id = ANY(%b)
UNION ALL SELECT body::text FROM card WHERE contact_id = ANY(%b) AND NOT ticket_id = ANY(%b)
"""
_PEOPLE: Final = "SELECT id, account_id, name, phone FROM contact WHERE id = ANY(%b)"
_LINES: Final = "SELECT body::text FROM timeline WHERE id = ANY(%b)"
_FATES: Final = "SELECT body::text FROM fate WHERE message_id = ANY(%b)"
_DROP_MOVED: Final = """
DELETE FROM card USING unnest(%b::text[], %b::uuid[]) AS gone (view, ticket_id)
WHERE card.view = gone.view AND card.ticket_id = gone.ticket_id
"""
_PUT_CARDS: Final = """
INSERT INTO card (ticket_id, account_id, view, contact_id, connection_id, sector_id, owner_id,
    protocol, opened_at, unread, sort_at, body)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::uuid[], %b::uuid[],
    %b::uuid[], %b::text[], %b::timestamptz[], %b::int[], %b::timestamptz[], %b::json[])
ON CONFLICT (view, ticket_id) DO UPDATE SET sector_id = excluded.sector_id,
    owner_id = excluded.owner_id, unread = excluded.unread, sort_at = excluded.sort_at,
    body = excluded.body
"""
_PUT_PEOPLE: Final = """
INSERT INTO contact (id, account_id, name, phone)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[])
ON CONFLICT (id) DO UPDATE SET name = excluded.name, phone = excluded.phone
"""
_PUT_LINES: Final = """
INSERT INTO timeline (id, account_id, conversation_id, seq, body)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::json[])
ON CONFLICT (id) DO UPDATE SET body = excluded.body
"""
_PUT_FATES: Final = """
INSERT INTO fate (message_id, account_id, body)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::json[])
ON CONFLICT (message_id) DO UPDATE SET body = excluded.body
"""
_COUNT: Final = """
INSERT INTO counter AS c (partition, account_id, view, sector_id, owner_id, tickets)
SELECT * FROM unnest(%b::int[], %b::uuid[], %b::text[], %b::uuid[], %b::uuid[], %b::bigint[])
ON CONFLICT (partition, account_id, view, sector_id, owner_id)
DO UPDATE SET tickets = c.tickets + excluded.tickets
"""
_ACCOUNTS: Final = "SELECT DISTINCT account_id FROM counter"
_LOCK_ALL_PLACES: Final = "LOCK TABLE position IN ACCESS EXCLUSIVE MODE"  # after who folds
_OLDER: Final = "SELECT EXISTS (SELECT FROM position WHERE epoch < %s)"
_FORGET: Final = """
TRUNCATE card, contact, timeline, fate, counter, position, stream_version, parked
"""


async def lock_places(conn: Connection, partitions: Sequence[int]) -> dict[int, Place]:
    """The places of these partitions, locked in order."""
    cursor = await conn.execute(_LOCK_PLACES, (list(partitions),))
    return {row[0]: Place(*row) for row in await cursor.fetchall()}


async def look(conn: Connection, events: Sequence[Event], partitions: Sequence[int]) -> Found:
    """All that folding these events needs, in one round trip; locks the places."""
    ids, streams = wanted(events), list({event.stream for event in events})
    tickets, renamed = list(ids.tickets), list(ids.renamed)
    async with conn.pipeline():
        await conn.execute(_LAZILY)
        places = await conn.execute(_LOCK_PLACES, (list(partitions),))
        model = await conn.execute(_MODEL)  # after the locks: a switch holds all of them
        versions = await conn.execute(sequence.LAST, (streams,))
        rows = await conn.execute(_CARDS, (tickets, renamed, tickets))
        people = await conn.execute(_PEOPLE, (list(ids.contacts),))
        said = await _ask_messages(conn, ids.messages)
        state, live = await model.fetchone() or (None, False)
        found = Found(
            state=state,
            live=live,
            places={row[0]: Place(*row) for row in await places.fetchall()},
            versions=dict(await versions.fetchall()),
            models=Models(
                rows=_by_id(await rows.fetchall()),
                people={row[0]: Person(*row) for row in await people.fetchall()},
            ),
        )
        found.models.lines, found.models.fates = await _messages(*said)
    return found


async def messages(conn: Connection, ids: Collection[UUID]) -> Models:
    """What was said under these ids, and what became of it."""
    lines, fates = await _messages(*await _ask_messages(conn, ids))
    return Models(lines=lines, fates=fates)


async def cards_of(conn: Connection, tickets: Collection[UUID]) -> dict[UUID, Row]:
    """The rows of these tickets."""
    return _by_id(await (await conn.execute(_CARDS, (list(tickets), [], []))).fetchall())


async def places(conn: Connection) -> dict[int, Place]:
    """The places of all partitions; none before the first start."""
    rows = await (await conn.execute(_PLACES)).fetchall()
    return {row[0]: Place(*row) for row in rows}


async def move(conn: Connection, moved: Sequence[Place]) -> None:
    """Store the places."""
    if moved:
        columns = [
            (
                place.partition,
                place.epoch,
                place.log_id,
                place.kafka_offset,
                place.follow_from,
                place.last_event,
            )
            for place in moved
        ]
        await conn.execute(_MOVE, _columns(columns))


async def forget(conn: Connection, epoch: int) -> bool:
    """Empty every read model; what is parked comes again, too. False: they are of this epoch.

    Two processes may learn of an epoch; the second one must not empty what the first has built.
    """
    await conn.execute(_LOCK_ALL_PLACES)
    older = await (await conn.execute(_OLDER, (epoch,))).fetchone()
    if older is None or not older[0]:
        return False
    await conn.execute(_FORGET)
    return True


async def is_live(conn: Connection) -> bool:
    """Whether readers see this model."""
    row = await (await conn.execute(_MODEL)).fetchone()
    return row is not None and row[1]


async def accounts(conn: Connection) -> list[UUID]:
    """Whose tickets the read models hold."""
    return [row[0] for row in await (await conn.execute(_ACCOUNTS)).fetchall()]


async def save(conn: Connection, before: Models, after: Models, changed: Changed) -> None:
    """Store what changed."""
    await _save_cards(conn, before, [after.rows[id_] for id_ in changed.rows])
    people = [after.people[id_] for id_ in changed.people]
    if people:
        columns = [(one.id, one.account_id, one.name, one.phone) for one in people]
        await conn.execute(_PUT_PEOPLE, _columns(columns))
    lines = [_line(after.lines[id_], after.accounts[id_]) for id_ in changed.lines]
    if lines:
        await conn.execute(_PUT_LINES, _columns(lines))
    fates = [(id_, after.accounts[id_], _json(after.fates[id_])) for id_ in changed.fates]
    if fates:
        await conn.execute(_PUT_FATES, _columns(fates))


async def count(conn: Connection, deltas: Mapping[CounterKey, int]) -> None:
    """Add to the counters, in one order for everybody."""
    if deltas:
        ordered = sorted(deltas.items(), key=lambda entry: str(entry[0]))
        await conn.execute(_COUNT, _columns([(*key, delta) for key, delta in ordered]))


async def _ask_messages(conn: Connection, ids: Collection[UUID]) -> tuple[Cursor, Cursor]:
    wanted_ids = list(ids)
    return await conn.execute(_LINES, (wanted_ids,)), await conn.execute(_FATES, (wanted_ids,))


async def _messages(
    asked_lines: Cursor, asked_fates: Cursor
) -> tuple[dict[UUID, TimelineItem], dict[UUID, Fate]]:
    lines = [TimelineItem.model_validate_json(row[0]) for row in await asked_lines.fetchall()]
    fates = [Fate.model_validate_json(row[0]) for row in await asked_fates.fetchall()]
    return {line.id: line for line in lines}, {fate.message_id: fate for fate in fates}


async def _save_cards(conn: Connection, before: Models, rows: Sequence[Row]) -> None:
    if not rows:
        return
    old = [(before.rows[row.id].view, row) for row in rows if row.id in before.rows]
    moved = [(view, row.id) for view, row in old if view != row.view]
    if moved:
        await conn.execute(_DROP_MOVED, _columns(moved))
    await conn.execute(_PUT_CARDS, _columns([_card(row) for row in rows]))


def _by_id(found: Iterable[Sequence[str]]) -> dict[UUID, Row]:
    rows = [Row.model_validate_json(body) for (body,) in found]
    return {row.id: row for row in rows}


def _json(model: Contract) -> str:
    return model.model_dump_json()


def _card(row: Row) -> tuple[object, ...]:
    return (
        row.id,
        row.account_id,
        row.view,
        row.contact.id,
        row.connection_id,
        row.sector_id,
        row.owner_id,
        row.protocol,
        row.opened_at,
        row.unread,
        cards.sort_at(row),
        _json(row),
    )


def _line(item: TimelineItem, account: UUID) -> tuple[object, ...]:
    seq = int(item.position.rpartition("-")[2])  # where it was said in the log; never changes
    return item.id, account, item.conversation_id, seq, _json(item)


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
