"""Tables of cards and their counters, which move with the rows (D6)."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.read_models.cards.fold import CardRows, StoredRow, sort_at
from services.projections.read_models.read_model import (
    Connection,
    States,
    Table,
    columns,
    replaced,
)
from shared.contracts import tickets as published
from shared.contracts.inbox import Row

TABLES: Final = (
    Table("card", key="ticket_id::text"),
    Table(
        "counter",
        key="concat_ws(' ', partition, account_id, view, sector_id, 'owned by', owner_id)",
        compared="tickets <> 0",  # one that is back at zero says the same as none
    ),
)
CREATE: Final[LiteralString] = """
CREATE TABLE card (
    ticket_id uuid NOT NULL,
    account_id uuid NOT NULL,
    view text COLLATE "C" NOT NULL,
    contact_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    sector_id uuid,
    owner_id uuid,
    protocol text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    unread integer NOT NULL,
    sort_at timestamptz NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (view, ticket_id)
) PARTITION BY LIST (view);
CREATE TABLE aguardando PARTITION OF card FOR VALUES IN ('aguardando');
CREATE TABLE atendendo PARTITION OF card FOR VALUES IN ('atendendo');
CREATE TABLE resolvidos PARTITION OF card FOR VALUES IN ('resolvidos');
CREATE TABLE bot PARTITION OF card FOR VALUES IN ('bot');
CREATE INDEX card_ticket ON card (ticket_id);
CREATE TABLE counter (
    partition integer NOT NULL,
    account_id uuid NOT NULL,
    view text COLLATE "C" NOT NULL,
    sector_id uuid,
    owner_id uuid,
    tickets bigint NOT NULL
);
CREATE UNIQUE INDEX counter_key ON counter (partition, account_id, view, sector_id, owner_id)
    NULLS NOT DISTINCT;
"""
INDEXES: Final[LiteralString] = """
CREATE INDEX IF NOT EXISTS card_page ON card (account_id, sort_at, ticket_id);
CREATE INDEX IF NOT EXISTS card_sector_page ON card (account_id, sector_id, sort_at, ticket_id);
CREATE INDEX IF NOT EXISTS card_owner ON card (account_id, owner_id, sort_at, ticket_id);
CREATE INDEX IF NOT EXISTS card_contact ON card (contact_id);
CREATE INDEX IF NOT EXISTS counter_account ON counter (account_id, view);
"""
_SELECT: Final = """
SELECT body::text FROM card WHERE ticket_id = ANY(%b)
UNION ALL SELECT body::text FROM card WHERE contact_id = ANY(%b) AND NOT ticket_id = ANY(%b)
"""
# The cards whose last message an edit, a revocation or a link may concern.
_SELECT_BY_MESSAGE: Final = """
SELECT body::text FROM card WHERE ticket_id IN (
    SELECT (line.body ->> 'ticket_id')::uuid FROM timeline AS line WHERE line.id = ANY(%(ids)s)
        OR line.id IN (SELECT (body ->> 'same_as')::uuid FROM fate WHERE message_id = ANY(%(ids)s))
)
"""
_SELECT_SAID_AT: Final = "SELECT id, seq FROM timeline WHERE id = ANY(%b)"
_DELETE_MOVED: Final = """
DELETE FROM card USING unnest(%b::text[], %b::uuid[]) AS gone (view, ticket_id)
WHERE card.view = gone.view AND card.ticket_id = gone.ticket_id
"""
_UPSERT: Final = """
INSERT INTO card (ticket_id, account_id, view, contact_id, connection_id, sector_id, owner_id,
    protocol, opened_at, unread, sort_at, body)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::uuid[], %b::uuid[],
    %b::uuid[], %b::text[], %b::timestamptz[], %b::int[], %b::timestamptz[], %b::json[])
ON CONFLICT (view, ticket_id) DO UPDATE SET sector_id = excluded.sector_id,
    owner_id = excluded.owner_id, unread = excluded.unread, sort_at = excluded.sort_at,
    body = excluded.body
"""
_COUNT: Final = """
INSERT INTO counter AS c (partition, account_id, view, sector_id, owner_id, tickets)
SELECT * FROM unnest(%b::int[], %b::uuid[], %b::text[], %b::uuid[], %b::uuid[], %b::bigint[])
ON CONFLICT (partition, account_id, view, sector_id, owner_id)
DO UPDATE SET tickets = c.tickets + excluded.tickets
"""

CounterKey = tuple[int, UUID, str, UUID | None, UUID | None]


async def load(
    conn: Connection, events: Sequence[Event]
) -> Callable[[States], Awaitable[CardRows]]:
    """The tickets that these events name or whose last message they change.

    And all of a contact whose name or phone changes; and where messages that were read were said.
    """
    found = [await conn.execute(_SELECT, _named(events))]
    if changed := _changed_messages(events):
        found.append(await conn.execute(_SELECT_BY_MESSAGE, {"ids": list(changed)}))
    marks = [e.message.up_to for e in events if isinstance(e.message, published.MessagesRead)]
    said = await conn.execute(_SELECT_SAID_AT, (marks,)) if marks else None

    async def read(_: States) -> CardRows:
        rows = [row for cursor in found for row in await cursor.fetchall()]
        return CardRows(_by_id(rows), {} if said is None else dict(await said.fetchall()))

    return read


def _named(events: Sequence[Event]) -> tuple[list[UUID], list[UUID], list[UUID]]:
    tickets, contacts = set[UUID](), set[UUID]()
    for event in events:
        message = event.message
        if isinstance(message, published.TicketFact | published.ConversationFact):
            tickets.add(message.ticket_id)
        if isinstance(message, published.ContactIdentified | published.ContactRenamed):
            contacts.add(message.contact_id)
    return list(tickets), list(contacts), list(tickets)


def _changed_messages(events: Sequence[Event]) -> set[UUID]:
    ids = set[UUID]()
    for event in events:
        message = event.message
        if isinstance(message, published.MessageEdited | published.MessageRevoked):
            ids.add(message.message_id)
        if isinstance(message, published.MessageLinked):
            ids |= {message.message_id, message.same_as}
    return ids


async def rows_of(conn: Connection, tickets: Iterable[UUID]) -> dict[UUID, StoredRow]:
    """The rows of these tickets."""
    cursor = await conn.execute(_SELECT, (list(tickets), list[UUID](), list[UUID]()))
    return _by_id(await cursor.fetchall())


async def save(conn: Connection, before: CardRows, after: CardRows) -> None:
    """Store the rows that changed, and count them where they stand now."""
    changed = replaced(before.rows, after.rows)
    if not changed:
        return
    old = [(before.rows[row.id].view, row) for row in changed if row.id in before.rows]
    moved = [(view, row.id) for view, row in old if view != row.view]
    if moved:
        await conn.execute(_DELETE_MOVED, columns(moved))
    await conn.execute(_UPSERT, columns([_columns_of(row) for row in changed]))
    await _count(conn, _counted(before, changed))


def _counted(before: CardRows, changed: Iterable[StoredRow]) -> Mapping[CounterKey, int]:
    counts: Counter[CounterKey] = Counter()
    for row in changed:
        old = before.rows.get(row.id)
        if old is not None:
            counts[_counter(old)] -= 1
        counts[_counter(row)] += 1
    return {key: delta for key, delta in counts.items() if delta}


async def _count(conn: Connection, deltas: Mapping[CounterKey, int]) -> None:
    if deltas:
        ordered = sorted(deltas.items(), key=lambda entry: str(entry[0]))  # no deadlocks
        await conn.execute(_COUNT, columns([(*key, delta) for key, delta in ordered]))


def _counter(row: Row) -> CounterKey:
    partition = int(row.position.partition(".")[2].partition("-")[0])
    return partition, row.account_id, row.view, row.sector_id, row.owner_id


def _by_id(found: Iterable[Sequence[str]]) -> dict[UUID, StoredRow]:
    rows = [StoredRow.model_validate_json(body) for (body,) in found]
    return {row.id: row for row in rows}


def _columns_of(row: StoredRow) -> tuple[object, ...]:
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
        sort_at(row),
        row.model_dump_json(),
    )
