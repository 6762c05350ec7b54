"""Where do contacts stand? One row per person."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.read_models.contacts.fold import ContactRows, Person
from services.projections.read_models.read_model import Connection, States, Table, columns
from shared.contracts import tickets as published

TABLES: Final = (Table("contact", key="id::text"),)
CREATE: Final[LiteralString] = """
CREATE TABLE contact (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    name text,
    phone text
);
"""
INDEXES: Final[LiteralString] = ""
_SELECT: Final = "SELECT id, account_id, name, phone FROM contact WHERE id = ANY(%b)"
_UPSERT: Final = """
INSERT INTO contact (id, account_id, name, phone)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[])
ON CONFLICT (id) DO UPDATE SET name = excluded.name, phone = excluded.phone
"""
_NAMED_IN: Final = (
    published.ContactIdentified,
    published.ContactRenamed,
    published.TicketFact,
    published.ConversationFact,
)


async def load(
    conn: Connection, events: Sequence[Event]
) -> Callable[[States], Awaitable[ContactRows]]:
    """The contacts that these events name."""
    ids = {e.message.contact_id for e in events if isinstance(e.message, _NAMED_IN)}
    cursor = await conn.execute(_SELECT, (list[UUID](ids),))

    async def read(_: States) -> ContactRows:
        return ContactRows({row[0]: Person(*row) for row in await cursor.fetchall()})

    return read


async def save(conn: Connection, before: ContactRows, after: ContactRows) -> None:
    """Store the contacts that changed."""
    changed = [one for id_, one in after.people.items() if before.people.get(id_) != one]
    if changed:
        rows = [(one.id, one.account_id, one.name, one.phone) for one in changed]
        await conn.execute(_UPSERT, columns(rows))
