"""Table of contacts: one row per person, with the folded texts for search."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.read_models.contacts.fold import Contact, ContactRows
from services.projections.read_models.read_model import Connection, States, Table, columns
from shared.contracts import tickets as published
from shared.contracts.phone import phone_key
from shared.contracts.text_folding import folded

TABLES: Final = (Table("contact", key="id::text"),)
CREATE: Final[LiteralString] = """
CREATE TABLE contact (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    name text,
    phone text,
    username text,
    last_seen_at timestamptz,
    facts json NOT NULL,
    searched_name text COLLATE "C" NOT NULL,
    searched_phone text COLLATE "C" NOT NULL
);
"""
INDEXES: Final[LiteralString] = """
CREATE INDEX IF NOT EXISTS contact_page
    ON contact (account_id, coalesce(last_seen_at, TIMESTAMPTZ 'epoch'), id);
"""
_SELECT: Final = """
SELECT id, account_id, name, phone, username, last_seen_at, facts::text FROM contact
WHERE id = ANY(%b)
"""
_UPSERT: Final = """
INSERT INTO contact (id, account_id, name, phone, username, last_seen_at, facts, searched_name,
    searched_phone)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[],
    %b::timestamptz[], %b::json[], %b::text[], %b::text[])
ON CONFLICT (id) DO UPDATE SET name = excluded.name, phone = excluded.phone,
    username = excluded.username, last_seen_at = excluded.last_seen_at, facts = excluded.facts,
    searched_name = excluded.searched_name, searched_phone = excluded.searched_phone
"""
_NAMES_A_CONTACT: Final = (
    published.ContactIdentified,
    published.ContactRenamed,
    published.ContactFieldSet,
    published.IdentityConflict,
    published.TicketFact,
    published.ConversationFact,
)


async def load(
    conn: Connection, events: Sequence[Event]
) -> Callable[[States], Awaitable[ContactRows]]:
    """The contacts that these events name."""
    ids = {e.message.contact_id for e in events if isinstance(e.message, _NAMES_A_CONTACT)}
    cursor = await conn.execute(_SELECT, (list[UUID](ids),))

    async def read(_: States) -> ContactRows:
        return ContactRows({row[0]: Contact(*row) for row in await cursor.fetchall()})

    return read


async def save(conn: Connection, before: ContactRows, after: ContactRows) -> None:
    """Store the contacts that changed."""
    changed = [one for id_, one in after.people.items() if before.people.get(id_) != one]
    if changed:
        await conn.execute(_UPSERT, columns([_columns_of(one) for one in changed]))


def _columns_of(one: Contact) -> tuple[object, ...]:
    return (
        one.id,
        one.account_id,
        one.name,
        one.phone,
        one.username,
        one.last_seen_at,
        one.facts,
        folded(f"{one.name or ''} {one.username or ''}"),
        phone_key(one.phone or ""),
    )
