"""Table of changes to entities: who, when, from what, to what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.directory.storage.connection import Connection
from shared.contracts.entities import AccountEntity, Entity
from shared.contracts.entity_api import EntityAction, EntityChange, HistoryQuery

_ADD: Final = """
INSERT INTO entity_history (entity_id, version, account_id, at, actor_id, action, before, after)
VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)
"""
_PAGE: Final = """
SELECT version, at, actor_id, action, before, after FROM entity_history
WHERE entity_id = %s AND (%s::bigint IS NULL OR version < %s) ORDER BY version DESC LIMIT %s
"""
_FIRST: Final = """
SELECT version, at, actor_id, action, before, after FROM entity_history
WHERE entity_id = %s AND action = 'created'
"""


async def add(
    conn: Connection,
    before: Entity | None,
    after: Entity,
    version: int,
    at: datetime,
    actor_id: UUID | None,
) -> None:
    """Note one change; without an actor it came from the seed."""
    old = None if before is None else before.body().decode()
    action = _action(before, after)
    row = (after.id, version, after.account, at, actor_id, action, old, after.body().decode())
    await conn.execute(_ADD, row)


async def page(conn: Connection, id_: UUID, query: HistoryQuery) -> Sequence[EntityChange]:
    """Up to `limit + 1` changes of an entity, newest first: one more tells of a next page."""
    row = (id_, query.before, query.before, query.limit + 1)
    return [_change(found) for found in await (await conn.execute(_PAGE, row)).fetchall()]


async def creation(conn: Connection, id_: UUID) -> EntityChange | None:
    """The change that created an entity."""
    found = await (await conn.execute(_FIRST, (id_,))).fetchone()
    return None if found is None else _change(found)


def _action(before: Entity | None, after: Entity) -> EntityAction:
    if before is None:
        return "created"
    if isinstance(before, AccountEntity) and isinstance(after, AccountEntity):
        if before.active and not after.active:
            return "deactivated"
        if after.active and not before.active:
            return "reactivated"
    return "changed"


def _change(row: tuple[Any, ...]) -> EntityChange:
    names = ("version", "at", "actor_id", "action", "before", "after")
    return EntityChange.model_validate(dict(zip(names, row, strict=True)))
