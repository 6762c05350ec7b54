"""What does a screen ask? Pages, counters, one ticket, one conversation; scope inside the SQL."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.projections.adapters import pointer
from services.projections.domain.fates import Fate, shown
from shared.contracts.inbox import ContactCard, Row, TimelineItem
from shared.contracts.internal_api import (
    Scope,
    TicketQuery,
    TimelinePage,
    TimelineQuery,
    ViewCount,
    ViewQuery,
)

Connection = AsyncConnection[tuple[Any, ...]]

_AS_READER: Final = (
    "SELECT set_config('guiche.account', %s, true),"
    " set_config('role', 'guiche_projections_reader', true)"
)
_IN_SCOPE: Final = """
    AND (%(all)s OR card.sector_id = ANY(%(sectors)s) OR card.owner_id = %(agent)s)
"""
_CARD: Final = """
SELECT card.body::text, contact.name, contact.phone, card.sort_at FROM card
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
    AND (%(q)s::text IS NULL OR contact.name ILIKE %(q)s OR contact.phone LIKE %(q)s
        OR card.protocol LIKE %(q)s)
"""
_OLDEST_FIRST: Final[LiteralString] = (
    _CARD
    + _IN_SCOPE
    + _FILTERS
    + """
    AND (%(after_at)s::timestamptz IS NULL
        OR (card.sort_at, card.ticket_id) > (%(after_at)s, %(after_id)s::uuid))
ORDER BY card.sort_at, card.ticket_id LIMIT %(limit)s
"""
)
_NEWEST_FIRST: Final[LiteralString] = (
    _CARD
    + _IN_SCOPE
    + _FILTERS
    + """
    AND (%(after_at)s::timestamptz IS NULL
        OR (card.sort_at, card.ticket_id) < (%(after_at)s, %(after_id)s::uuid))
ORDER BY card.sort_at DESC, card.ticket_id DESC LIMIT %(limit)s
"""
)
_ONE: Final[LiteralString] = _CARD + _IN_SCOPE + " AND card.ticket_id = %(ticket)s"
_COUNTS: Final = """
SELECT view, sector_id, owner_id, sum(tickets)::bigint FROM counter AS card
WHERE account_id = %(account)s
    AND (%(all)s OR card.sector_id = ANY(%(sectors)s) OR card.owner_id = %(agent)s)
GROUP BY view, sector_id, owner_id HAVING sum(tickets) <> 0 ORDER BY 1, 2, 3
"""
_LINES: Final = """
SELECT timeline.body::text, fate.body::text FROM timeline
LEFT JOIN fate ON fate.message_id = timeline.id
WHERE timeline.account_id = %(account)s AND conversation_id = %(conversation)s
    AND (%(before)s::uuid IS NULL
        OR seq < (SELECT line.seq FROM timeline AS line WHERE line.id = %(before)s))
ORDER BY seq DESC LIMIT %(limit)s
"""


async def as_reader(conn: Connection, account: UUID) -> None:
    """For this transaction: the live model, and a role that sees one account, and which (D9)."""
    async with conn.pipeline():  # one round trip
        await pointer.at_live(conn)
        await conn.execute(_AS_READER, (str(account),))


async def page(conn: Connection, account: UUID, query: ViewQuery) -> tuple[list[Row], bool, Any]:
    """Rows of a view, whether more follow, and the sort instant of the last row."""
    at, id_ = query.after or (None, None)
    values = {
        **_scope(account, query.scope),
        "view": query.view,
        "in_sectors": query.sector_ids,
        "owner": query.owner_id,
        "connection": query.connection_id,
        "unread": query.unread,
        "opened_from": query.opened_from,
        "opened_to": query.opened_to,
        "q": None if not query.q else f"%{_literally(query.q)}%",
        "after_at": at,
        "after_id": id_,
        "limit": query.limit + 1,
    }
    statement = _OLDEST_FIRST if query.view == "aguardando" else _NEWEST_FIRST
    found = await (await conn.execute(statement, values)).fetchall()
    shown_rows = found[: query.limit]
    last = shown_rows[-1][3] if shown_rows else None
    return [_row(row, query.scope) for row in shown_rows], len(found) > query.limit, last


async def counts(conn: Connection, account: UUID, scope: Scope) -> list[ViewCount]:
    """Counters of what this scope sees, summed over the partitions."""
    found = await (await conn.execute(_COUNTS, _scope(account, scope))).fetchall()
    return [
        ViewCount(view=view, sector_id=sector, owner_id=owner, tickets=tickets)
        for view, sector, owner, tickets in found
    ]


async def ticket(conn: Connection, account: UUID, query: TicketQuery | TimelineQuery) -> Row | None:
    """One ticket in this scope."""
    values = {**_scope(account, query.scope), "ticket": query.ticket_id}
    found = await (await conn.execute(_ONE, values)).fetchone()
    return None if found is None else _row(found, query.scope)


async def timeline(
    conn: Connection, account: UUID, conversation: UUID, query: TimelineQuery
) -> TimelinePage:
    """A page of a conversation in the order of the log, oldest first.

    Not by `at`: Meta's instants have whole seconds, so messages of one second would change places.
    """
    values = {
        "account": account,
        "conversation": conversation,
        "before": query.before[1] if query.before else None,
        "limit": query.limit + 1,
    }
    found = await (await conn.execute(_LINES, values)).fetchall()
    items = [_line(row) for row in reversed(found[: query.limit])]
    more = len(found) > query.limit
    return TimelinePage(items=items, previous=(items[0].at, items[0].id) if more else None)


def _scope(account: UUID, scope: Scope) -> dict[str, object]:
    return {
        "account": account,
        "all": scope.sector_ids is None,
        "sectors": scope.sector_ids or [],
        "agent": scope.agent_id,
    }


def _row(found: Sequence[Any], scope: Scope) -> Row:
    row = Row.model_validate_json(found[0])
    phone = found[2] if scope.sees_phones else None
    contact = ContactCard(id=row.contact.id, name=found[1], phone=phone)
    return row.model_copy(update={"contact": contact})


def _line(found: Sequence[Any]) -> TimelineItem:
    fate = None if found[1] is None else Fate.model_validate_json(found[1])
    return shown(TimelineItem.model_validate_json(found[0]), fate)


def _literally(text: str) -> str:
    """Without the wildcards of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
