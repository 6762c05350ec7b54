"""Table of each message's delivery status."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.read_models.messages.fold import DeliveryStatus, MessageRows
from services.projections.read_models.read_model import (
    Connection,
    States,
    Table,
    columns,
    replaced,
)
from shared.contracts import tickets as published

TABLES: Final = (Table("fate", key="message_id::text"),)
# The table keeps the name that it had: while processes are replaced, older ones read it.
CREATE: Final[LiteralString] = """
CREATE TABLE fate (
    message_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    body json NOT NULL
);
"""
INDEXES: Final[LiteralString] = ""
_SELECT: Final = "SELECT body::text FROM fate WHERE message_id = ANY(%b)"
_UPSERT: Final = """
INSERT INTO fate (message_id, account_id, body)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::json[])
ON CONFLICT (message_id) DO UPDATE SET body = excluded.body
"""


async def load(
    conn: Connection, events: Sequence[Event]
) -> Callable[[States], Awaitable[MessageRows]]:
    """The messages that these events name, and those that turned out to be the same."""
    cursor = await conn.execute(_SELECT, (list(messages_of(events)),))

    async def read(_: States) -> MessageRows:
        found = _read(await cursor.fetchall())
        aliases = {status.same_as for status in found.values() if status.same_as is not None}
        if missing := aliases - found.keys():
            more = await conn.execute(_SELECT, (list(missing),))
            found.update(_read(await more.fetchall()))
        return MessageRows(found)

    return read


def messages_of(events: Sequence[Event]) -> Collection[UUID]:
    """The ids of messages that these events name."""
    ids = set[UUID]()
    for event in events:
        message = event.message
        if isinstance(
            message, published.MessageReceived | published.MessageQueued | published.MessageFact
        ):
            ids.add(message.message_id)
        if isinstance(message, published.MessageLinked):
            ids.add(message.same_as)
    return ids


async def save(conn: Connection, before: MessageRows, after: MessageRows) -> None:
    """Store the statuses that changed."""
    changed = replaced(before.statuses, after.statuses)
    if changed:
        rows = [(one.message_id, one.account_id, one.model_dump_json()) for one in changed]
        await conn.execute(_UPSERT, columns(rows))


def _read(found: Sequence[Sequence[str]]) -> dict[UUID, DeliveryStatus]:
    statuses = [DeliveryStatus.model_validate_json(body) for (body,) in found]
    return {status.message_id: status for status in statuses}
