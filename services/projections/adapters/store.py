"""How are the read models stored? One statement per table and batch."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from services.projections.domain import cards
from services.projections.domain.fates import Fate
from services.projections.handlers.models import Models, Person, Wanted, changed
from services.projections.handlers.ports import Connection, CounterKey, Place
from shared.contracts.inbox import Row, TimelineItem

_LOCK_PLACES: Final = """
SELECT partition, epoch, log_id, kafka_offset, follow_from FROM position
WHERE partition = ANY(%s) ORDER BY partition FOR UPDATE
"""
_PLACES: Final = (
    "SELECT partition, epoch, log_id, kafka_offset, follow_from FROM position ORDER BY partition"
)
_MOVE: Final = """
INSERT INTO position (partition, epoch, log_id, kafka_offset, follow_from)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (partition) DO UPDATE SET epoch = excluded.epoch, log_id = excluded.log_id,
    kafka_offset = excluded.kafka_offset, follow_from = excluded.follow_from
"""
_CARDS: Final = """
SELECT body::text FROM card WHERE ticket_id = ANY(%s)
UNION ALL SELECT body::text FROM card WHERE contact_id = ANY(%s) AND NOT ticket_id = ANY(%s)
"""
_PEOPLE: Final = "SELECT id, account_id, name, phone FROM contact WHERE id = ANY(%s)"
_LINES: Final = "SELECT body::text FROM timeline WHERE id = ANY(%s)"
_FATES: Final = "SELECT body::text FROM fate WHERE message_id = ANY(%s)"
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
_FORGET: Final = """
TRUNCATE card, contact, timeline, fate, counter, position, stream_version, outbox, parked
"""


async def lock_places(conn: Connection, partitions: Sequence[int]) -> dict[int, Place]:
    """The places of these partitions, locked in order."""
    rows = await (await conn.execute(_LOCK_PLACES, (list(partitions),))).fetchall()
    return {row[0]: Place(*row) for row in rows}


async def places(conn: Connection) -> dict[int, Place]:
    """The places of all partitions; none before the first start."""
    rows = await (await conn.execute(_PLACES)).fetchall()
    return {row[0]: Place(*row) for row in rows}


async def move(conn: Connection, moved: Sequence[Place]) -> None:
    """Store the places."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            _MOVE,
            [
                (place.partition, place.epoch, place.log_id, place.kafka_offset, place.follow_from)
                for place in moved
            ],
        )


async def forget(conn: Connection) -> None:
    """Empty every read model; what is parked comes again, too."""
    await conn.execute(_FORGET)


async def accounts(conn: Connection) -> list[UUID]:
    """Whose tickets the read models hold."""
    return [row[0] for row in await (await conn.execute(_ACCOUNTS)).fetchall()]


async def load(conn: Connection, ids: Wanted) -> Models:
    """Everything that stands under these ids."""
    models = Models()
    tickets = list(ids.tickets)
    if ids.tickets or ids.renamed:
        cursor = await conn.execute(_CARDS, (tickets, list(ids.renamed), tickets))
        rows = [Row.model_validate_json(row[0]) for row in await cursor.fetchall()]
        models.rows = {row.id: row for row in rows}
    if ids.contacts:
        cursor = await conn.execute(_PEOPLE, (list(ids.contacts),))
        models.people = {row[0]: Person(*row) for row in await cursor.fetchall()}
    if ids.messages:
        cursor = await conn.execute(_LINES, (list(ids.messages),))
        lines = [TimelineItem.model_validate_json(row[0]) for row in await cursor.fetchall()]
        models.lines = {line.id: line for line in lines}
        cursor = await conn.execute(_FATES, (list(ids.messages),))
        fates = [Fate.model_validate_json(row[0]) for row in await cursor.fetchall()]
        models.fates = {fate.message_id: fate for fate in fates}
    return models


async def save(conn: Connection, before: Models, after: Models) -> None:
    """Store what changed."""
    await _save_cards(conn, before, after)
    people = [after.people[id_] for id_ in changed(before.people, after.people)]
    if people:
        columns = [(one.id, one.account_id, one.name, one.phone) for one in people]
        await conn.execute(_PUT_PEOPLE, _columns(columns))
    lines = [after.lines[id_] for id_ in changed(before.lines, after.lines)]
    if lines:
        await conn.execute(
            _PUT_LINES, _columns([_line(one, after.accounts[one.id]) for one in lines])
        )
    fates = [after.fates[id_] for id_ in changed(before.fates, after.fates)]
    if fates:
        columns = [
            (one.message_id, after.accounts[one.message_id], one.model_dump_json()) for one in fates
        ]
        await conn.execute(_PUT_FATES, _columns(columns))


async def count(conn: Connection, deltas: Mapping[CounterKey, int]) -> None:
    """Add to the counters, in one order for everybody."""
    if deltas:
        ordered = sorted(deltas.items(), key=lambda entry: str(entry[0]))
        await conn.execute(_COUNT, _columns([(*key, delta) for key, delta in ordered]))


async def _save_cards(conn: Connection, before: Models, after: Models) -> None:
    rows = [after.rows[id_] for id_ in changed(before.rows, after.rows)]
    if not rows:
        return
    old = [(before.rows[row.id].view, row.id) for row in rows if row.id in before.rows]
    moved = [(view, id_) for view, id_ in old if view != after.rows[id_].view]
    if moved:
        await conn.execute(_DROP_MOVED, _columns(moved))
    await conn.execute(_PUT_CARDS, _columns([_card(row) for row in rows]))


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
        row.model_dump_json(),
    )


def _line(item: TimelineItem, account: UUID) -> tuple[object, ...]:
    seq = int(item.position.rpartition("-")[2])  # where it was said in the log; never changes
    return item.id, account, item.conversation_id, seq, item.model_dump_json()


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
