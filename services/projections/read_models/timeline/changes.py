"""What screens are told of a conversation: new lines, and lines with a new status."""

from collections.abc import Sequence
from uuid import UUID

from services.projections.read_models.cards.fold import CardRows, seen
from services.projections.read_models.cards.tables import rows_of
from services.projections.read_models.messages.fold import MessageRows
from services.projections.read_models.read_model import Batch, Change, Connection, replaced
from services.projections.read_models.timeline.fold import TimelineRows
from services.projections.read_models.timeline.shown import shown
from shared.contracts.inbox import Row, TimelineChanged, TimelineItem


async def changes(conn: Connection, batch: Batch) -> Sequence[Change]:
    """Lines as they are shown now, for who may see their ticket."""
    lines, statuses = batch.after.of(TimelineRows).lines, batch.after.of(MessageRows).statuses
    new = replaced(batch.before.of(TimelineRows).lines, lines)
    told = replaced(batch.before.of(MessageRows).statuses, statuses)
    changed = dict.fromkeys([line.id for line in new])
    changed |= dict.fromkeys(one.message_id for one in told if one.message_id in lines)
    rows = await _rows(conn, batch, [lines[id_] for id_ in changed])
    found = [(lines[id_], rows.get(lines[id_].ticket_id)) for id_ in changed]
    return [_change(shown(line, statuses.get(line.id)), row) for line, row in found if row]


async def _rows(conn: Connection, batch: Batch, lines: Sequence[TimelineItem]) -> dict[UUID, Row]:
    """The cards of these lines: they say who may see the change."""
    known = batch.after.of(CardRows).rows
    missing = {line.ticket_id for line in lines} - known.keys()
    return {**known, **(await rows_of(conn, missing) if missing else {})}


def _change(item: TimelineItem, row: Row) -> Change:
    message = TimelineChanged(account_id=row.account_id, seen=seen(row), item=item)
    return Change(message, row.account_id, item.id, item.position)
