"""The list of contacts, and one of them: those with a ticket that the person may see."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from services.projections.read_models.contacts.fold import CONFLICT, FACTS, FIELD
from services.projections.read_models.read_model import Connection
from services.projections.read_models.scope import IN_SCOPE, scope_values
from services.projections.read_models.search import FOUND_CONTACT, search_values, searches
from shared.contracts.inbox import Row
from shared.contracts.internal_api import (
    ContactConflict,
    ContactDetail,
    ContactItem,
    ContactQuery,
    ContactsQuery,
    ContactTicket,
    Scope,
)

_MOST_TICKETS: Final = 200
_SORT_AT: Final[LiteralString] = "coalesce(contact.last_seen_at, TIMESTAMPTZ 'epoch')"
_SELECT: Final = """
SELECT contact.id, name, phone, username, last_seen_at, facts::text,
    coalesce(contact.last_seen_at, TIMESTAMPTZ 'epoch')
FROM contact WHERE account_id = %(account)s AND (%(all)s OR EXISTS (
    SELECT FROM card WHERE card.contact_id = contact.id AND card.account_id = %(account)s
"""
_CONTACT: Final[LiteralString] = _SELECT + IN_SCOPE + "))"
_SEARCHED: Final[LiteralString] = " AND " + FOUND_CONTACT
_NEWEST_FIRST: Final[LiteralString] = (
    " AND (%(after_at)s::timestamptz IS NULL OR ("
    + _SORT_AT
    + ", contact.id) < (%(after_at)s, %(after_id)s::uuid)) ORDER BY "
    + _SORT_AT
    + " DESC, contact.id DESC LIMIT %(limit)s"
)
_ONE: Final[LiteralString] = _CONTACT + " AND contact.id = %(contact)s"
_OPEN: Final = """
SELECT body::text FROM card WHERE account_id = %(account)s AND contact_id = ANY(%(contacts)s)
    AND view <> 'resolvidos'
"""
_OPEN_TICKETS: Final[LiteralString] = _OPEN + IN_SCOPE + " ORDER BY opened_at DESC, ticket_id"
_EVERY: Final = """
SELECT body::text FROM card WHERE account_id = %(account)s AND contact_id = %(contact)s
"""
_TICKETS: Final[LiteralString] = (
    _EVERY + IN_SCOPE + " ORDER BY opened_at DESC, ticket_id LIMIT %(most)s"
)


async def page(
    conn: Connection, account: UUID, query: ContactsQuery
) -> tuple[list[ContactItem], tuple[datetime, UUID] | None]:
    """Contacts, who was seen last first, and the key of the last one if more follow."""
    at, id_ = query.after or (None, None)
    values = {
        **scope_values(account, query.scope),
        **search_values(query.q, query.scope),
        "after_at": at,
        "after_id": id_,
        "limit": query.limit + 1,
    }
    statement = _CONTACT + (_SEARCHED if searches(query.q) else "") + _NEWEST_FIRST
    found = await (await conn.execute(statement, values)).fetchall()
    shown = found[: query.limit]
    tickets = await _open_tickets(conn, account, query.scope, [row[0] for row in shown])
    items = [_item(row, query.scope, tickets.get(row[0], [])) for row in shown]
    return items, (shown[-1][6], shown[-1][0]) if len(found) > query.limit else None


async def contact(conn: Connection, account: UUID, query: ContactQuery) -> ContactDetail | None:
    """One contact with its tickets over all connections, newest first; None out of sight."""
    values = {
        **scope_values(account, query.scope),
        "contact": query.contact_id,
        "most": _MOST_TICKETS,
    }
    found = await (await conn.execute(_ONE, values)).fetchone()
    if found is None:
        return None
    rows = _rows(await (await conn.execute(_TICKETS, values)).fetchall())
    tickets = [_ticket(row) for row in rows]
    still_open = [_ticket(row) for row in rows if row.lifecycle != "closed"]
    item = _item(found, query.scope, still_open)
    return ContactDetail(
        **dict(item), tickets=tickets, conflicts=_conflicts(_facts(found[5], CONFLICT))
    )


async def _open_tickets(
    conn: Connection, account: UUID, scope: Scope, contacts: Sequence[UUID]
) -> Mapping[UUID, list[ContactTicket]]:
    values = {**scope_values(account, scope), "contacts": list(contacts)}
    tickets: dict[UUID, list[ContactTicket]] = {}
    for row in _rows(await (await conn.execute(_OPEN_TICKETS, values)).fetchall()):
        tickets.setdefault(row.contact.id, []).append(_ticket(row))
    return tickets


def _rows(found: Sequence[Sequence[Any]]) -> list[Row]:
    return [Row.model_validate_json(body) for (body,) in found]


def _ticket(row: Row) -> ContactTicket:
    return ContactTicket.model_validate(row, from_attributes=True)


def _item(found: Sequence[Any], scope: Scope, tickets: list[ContactTicket]) -> ContactItem:
    return ContactItem(
        id=found[0],
        name=found[1],
        phone=found[2] if scope.sees_phones else None,
        username=found[3],
        last_seen_at=found[4],
        open_tickets=tickets,
        fields=_facts(found[5], FIELD),
    )


def _facts(facts: str, prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): fact.value
        for name, fact in FACTS.validate_json(facts).items()
        if name.startswith(prefix) and fact.value is not None
    }


def _conflicts(found: Mapping[str, str]) -> list[ContactConflict]:
    return [ContactConflict(other_contact_id=UUID(id_), kind=kind) for id_, kind in found.items()]
