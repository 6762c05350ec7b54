"""Queries of tickets: pages, counters and one ticket, within a person's scope."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

from services.projections.read_models.read_model import Connection
from services.projections.read_models.scope import IN_SCOPE, scope_values
from services.projections.read_models.search import FOUND_CONTACT, search_values, searches
from shared.contracts.inbox import ContactCard, Row
from shared.contracts.internal_api import Scope, TicketQuery, TimelineQuery, ViewCount, ViewQuery

_CARD: Final = """
SELECT card.body::text, contact.name, contact.phone, card.sort_at,
    to_jsonb(contact) ->> 'username' -- a model of an older form may lack it
FROM card
LEFT JOIN contact ON contact.id = card.contact_id
WHERE card.account_id = %(account)s
"""
_FILTERS: Final = """
    AND card.view = %(view)s
    AND (%(in_sectors)s::uuid[] IS NULL OR card.sector_id = ANY(%(in_sectors)s))
    AND (%(owner)s::uuid IS NULL OR card.owner_id = %(owner)s)
    AND (%(connection)s::uuid IS NULL OR card.connection_id = %(connection)s)
    AND (%(unread)s::boolean IS NULL OR (card.unread > 0) = %(unread)s)
    AND (%(opened_from)s::timestamptz IS NULL OR card.opened_at >= %(opened_from)s)
    AND (%(opened_to)s::timestamptz IS NULL OR card.opened_at < %(opened_to)s)
"""
_SEARCHED: Final[LiteralString] = " AND (" + FOUND_CONTACT + " OR card.protocol LIKE %(protocol)s)"
_OLDEST_FIRST: Final = """
    AND (%(after_at)s::timestamptz IS NULL
        OR (card.sort_at, card.ticket_id) > (%(after_at)s, %(after_id)s::uuid))
ORDER BY card.sort_at, card.ticket_id LIMIT %(limit)s
"""
_NEWEST_FIRST: Final = """
    AND (%(after_at)s::timestamptz IS NULL
        OR (card.sort_at, card.ticket_id) < (%(after_at)s, %(after_id)s::uuid))
ORDER BY card.sort_at DESC, card.ticket_id DESC LIMIT %(limit)s
"""
_ONE: Final[LiteralString] = _CARD + IN_SCOPE + " AND card.ticket_id = %(ticket)s"
_ACCOUNTS: Final = "SELECT DISTINCT account_id FROM counter ORDER BY 1"
_COUNTS: Final[LiteralString] = (
    """
SELECT view, sector_id, owner_id, sum(tickets)::bigint FROM counter AS card
WHERE account_id = %(account)s
"""
    + IN_SCOPE
    + "GROUP BY view, sector_id, owner_id HAVING sum(tickets) <> 0 ORDER BY 1, 2, 3"
)


async def page(conn: Connection, account: UUID, query: ViewQuery) -> tuple[list[Row], bool, Any]:
    """Rows of a view, whether more follow, and the sort instant of the last row."""
    at, id_ = query.after or (None, None)
    values = {
        **scope_values(account, query.scope),
        "view": query.view,
        "in_sectors": query.sector_ids,
        "owner": query.owner_id,
        "connection": query.connection_id,
        "unread": query.unread,
        "opened_from": query.opened_from,
        "opened_to": query.opened_to,
        **search_values(query.q, query.scope),
        "after_at": at,
        "after_id": id_,
        "limit": query.limit + 1,
    }
    found = await (await conn.execute(_page(query), values)).fetchall()
    shown_rows = found[: query.limit]
    last = shown_rows[-1][3] if shown_rows else None
    return [_row(row, query.scope) for row in shown_rows], len(found) > query.limit, last


def _page(query: ViewQuery) -> LiteralString:
    order = _OLDEST_FIRST if query.view == "aguardando" else _NEWEST_FIRST
    return _CARD + IN_SCOPE + _FILTERS + (_SEARCHED if searches(query.q) else "") + order


async def counts(conn: Connection, account: UUID, scope: Scope) -> list[ViewCount]:
    """Counters of what this scope sees, summed over the partitions."""
    found = await (await conn.execute(_COUNTS, scope_values(account, scope))).fetchall()
    return [
        ViewCount(view=view, sector_id=sector, owner_id=owner, tickets=tickets)
        for view, sector, owner, tickets in found
    ]


async def accounts(conn: Connection) -> list[UUID]:
    """The accounts that have tickets."""
    return [row[0] for row in await (await conn.execute(_ACCOUNTS)).fetchall()]


async def ticket(conn: Connection, account: UUID, query: TicketQuery | TimelineQuery) -> Row | None:
    """One ticket in this scope."""
    values = {**scope_values(account, query.scope), "ticket": query.ticket_id}
    found = await (await conn.execute(_ONE, values)).fetchone()
    return None if found is None else _row(found, query.scope)


def _row(found: Sequence[Any], scope: Scope) -> Row:
    row = Row.model_validate_json(found[0])
    phone = found[2] if scope.sees_phones else None
    contact = ContactCard(id=row.contact.id, name=found[1], phone=phone, username=found[4])
    return row.model_copy(update={"contact": contact})
