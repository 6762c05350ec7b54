"""A page of a conversation."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from services.projections.read_models.messages.fold import DeliveryStatus
from services.projections.read_models.read_model import Connection
from services.projections.read_models.timeline.shown import shown
from shared.contracts.inbox import TimelineItem
from shared.contracts.internal_api import TimelinePage, TimelineQuery

_LINES: Final = """
SELECT timeline.body::text, fate.body::text FROM timeline
LEFT JOIN fate ON fate.message_id = timeline.id
WHERE timeline.account_id = %(account)s AND conversation_id = %(conversation)s
    AND (%(before)s::uuid IS NULL
        OR seq < (SELECT line.seq FROM timeline AS line WHERE line.id = %(before)s))
ORDER BY seq DESC LIMIT %(limit)s
"""


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


def _line(found: Sequence[Any]) -> TimelineItem:
    status = None if found[1] is None else DeliveryStatus.model_validate_json(found[1])
    return shown(TimelineItem.model_validate_json(found[0]), status)
