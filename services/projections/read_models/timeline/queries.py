"""A page of a conversation."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

from services.projections.read_models.messages.fold import DeliveryStatus
from services.projections.read_models.read_model import Connection
from services.projections.read_models.scope import IN_SCOPE, scope_values
from services.projections.read_models.timeline.shown import shown
from shared.contracts.inbox import TimelineItem
from shared.contracts.internal_api import TimelinePage, TimelineQuery

_OF_ANY_SECTOR: Final = ("ticket_opened", "sector_assigned", "ticket_closed")
_LINE: Final = """
SELECT timeline.body::text, fate.body::text, seen.it FROM timeline
LEFT JOIN fate ON fate.message_id = timeline.id
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM card WHERE card.account_id = %(account)s
        AND card.ticket_id = (timeline.body ->> 'ticket_id')::uuid
"""
_PAGE: Final = """
)) AS seen (it)
WHERE timeline.account_id = %(account)s AND conversation_id = %(conversation)s
    AND (seen.it OR timeline.body ->> 'type' = ANY(%(of_any_sector)s))
    AND (%(before)s::uuid IS NULL
        OR seq < (SELECT line.seq FROM timeline AS line WHERE line.id = %(before)s))
ORDER BY seq DESC LIMIT %(limit)s
"""
_LINES: Final[LiteralString] = _LINE + IN_SCOPE + _PAGE


async def timeline(
    conn: Connection, account: UUID, conversation: UUID, query: TimelineQuery
) -> TimelinePage:
    """A page of a conversation in the order of the log, oldest first.

    Not by `at`: Meta's instants have whole seconds, so messages of one second would change places.
    Of tickets out of sight it has when and in which sector they were, none of their words
    (domain.md 2.7, `history.across_sectors`: own_sectors).
    """
    values = {
        **scope_values(account, query.scope),
        "of_any_sector": list(_OF_ANY_SECTOR),
        "conversation": conversation,
        "before": query.before[1] if query.before else None,
        "limit": query.limit + 1,
    }
    found = await (await conn.execute(_LINES, values)).fetchall()
    items = [_line(row) for row in reversed(found[: query.limit])]
    more = len(found) > query.limit
    return TimelinePage(items=items, previous=(items[0].at, items[0].id) if more else None)


def _line(found: Sequence[Any]) -> TimelineItem:
    body, status, in_sight = found
    item = TimelineItem.model_validate_json(body)
    if not in_sight:
        return _without_words(item)
    return shown(item, None if status is None else DeliveryStatus.model_validate_json(status))


def _without_words(item: TimelineItem) -> TimelineItem:
    sector = (item.details or {}).get("sector_id")
    details = None if sector is None else {"sector_id": sector}
    return item.model_copy(update={"text": None, "details": details})
