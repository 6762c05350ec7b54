"""Table of the lines of conversations, in log order."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.read_models.messages.fold import MessageRows
from services.projections.read_models.messages.tables import messages_of
from services.projections.read_models.read_model import (
    Connection,
    States,
    Table,
    columns,
    replaced,
)
from services.projections.read_models.timeline.fold import TimelineRows
from shared.contracts.inbox import TimelineItem

TABLES: Final = (Table("timeline", key="id::text"),)
CREATE: Final[LiteralString] = """
CREATE TABLE timeline (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    body json NOT NULL
);
"""
INDEXES: Final[LiteralString] = """
CREATE INDEX IF NOT EXISTS timeline_page ON timeline (conversation_id, seq);
"""
_SELECT: Final = "SELECT body::text FROM timeline WHERE id = ANY(%b)"
_UPSERT: Final = """
INSERT INTO timeline (id, account_id, conversation_id, seq, body)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::json[])
ON CONFLICT (id) DO UPDATE SET body = excluded.body
"""


async def load(
    conn: Connection, events: Sequence[Event]
) -> Callable[[States], Awaitable[TimelineRows]]:
    """The lines of the messages that these events name, and of those that are the same."""
    wanted = set(messages_of(events))
    cursor = await conn.execute(_SELECT, (list(wanted),))

    async def read(states: States) -> TimelineRows:
        lines = _read(await cursor.fetchall())
        if missing := states.of(MessageRows).statuses.keys() - wanted:
            more = await conn.execute(_SELECT, (list(missing),))
            lines.update(_read(await more.fetchall()))
        return TimelineRows(lines)

    return read


async def save(conn: Connection, before: TimelineRows, after: TimelineRows) -> None:
    """Store the lines that are new."""
    new = replaced(before.lines, after.lines)
    if new:
        rows = [_columns_of(line, after.accounts[line.id]) for line in new]
        await conn.execute(_UPSERT, columns(rows))


def _read(found: Sequence[Sequence[str]]) -> dict[UUID, TimelineItem]:
    lines = [TimelineItem.model_validate_json(body) for (body,) in found]
    return {line.id: line for line in lines}


def _columns_of(line: TimelineItem, account: UUID) -> tuple[object, ...]:
    seq = int(line.position.rpartition("-")[2])  # where it was said in the log; never changes
    return line.id, account, line.conversation_id, seq, line.model_dump_json()
