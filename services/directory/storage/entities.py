"""Table of entities: one row each, with what the seed last declared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from services.directory.storage.connection import Connection
from shared.contracts.directory import COLLECTIONS, AccountChanged, AgentChanged
from shared.contracts.entities import Entity, SectorLimited
from shared.contracts.entity_api import EntityQuery
from shared.contracts.text_folding import folded

_TYPES: Final = {kind.TYPE: kind for kind in COLLECTIONS.values()}
_COLUMNS: Final = "type, body::text, version, changed_at, declared::text"
_LOCK: Final = f"SELECT {_COLUMNS} FROM entity WHERE id = %s AND type = %s FOR UPDATE"  # noqa: S608
_GET: Final = f"SELECT {_COLUMNS} FROM entity WHERE id = %s"  # noqa: S608
_ALL: Final = f"SELECT {_COLUMNS} FROM entity ORDER BY type, id"  # noqa: S608
_OF_ACCOUNT: Final = f"SELECT {_COLUMNS} FROM entity WHERE account_id = %s"  # noqa: S608
_PUT: Final = """
INSERT INTO entity (id, account_id, type, body, changed_at, version, folded_name)
VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at,
    version = excluded.version, folded_name = excluded.folded_name
"""
_DECLARE: Final = "UPDATE entity SET declared = %s::jsonb WHERE id = %s"
_SAME_NAME: Final = """
SELECT id FROM entity WHERE account_id = %s AND type = %s AND folded_name = %s AND id <> %s
    AND (body->>'active')::boolean LIMIT 1
"""
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM entity
WHERE account_id = %(account)s AND type = %(type)s
    AND (%(id)s::uuid IS NULL OR id = %(id)s)
    AND (%(active)s::boolean IS NULL OR (body->>'active')::boolean = %(active)s)
    AND (%(q)s::text IS NULL OR folded_name LIKE %(q)s)
    AND (%(sectors)s::text[] IS NULL OR body->'sector_ids' = '[]'::jsonb
        OR body->'sector_ids' ?| %(sectors)s)
    AND (%(name)s::text IS NULL OR (folded_name, id) > (%(name)s, %(after)s::uuid))
ORDER BY folded_name, id LIMIT %(limit)s
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Stored:
    """An entity, its version, when it changed, and what the seed last declared of it."""

    entity: Entity
    version: int
    changed_at: datetime
    declared: dict[str, Any] | None


async def lock_account(conn: Connection, account_id: UUID) -> Stored | None:
    """The account; whoever changes an entity of it holds this lock until the commit."""
    return await _one(conn, _LOCK, (account_id, AccountChanged.TYPE))


async def get(conn: Connection, kind: type[Entity], account_id: UUID, id_: UUID) -> Stored | None:
    """An entity of the account."""
    found = await _one(conn, _GET, (id_,))
    if found is None or found.entity.account != account_id:
        return None
    return found if isinstance(found.entity, kind) else None


async def agent(conn: Connection, id_: UUID) -> AgentChanged | None:
    """An agent of any account."""
    found = await _one(conn, _GET, (id_,))
    return found.entity if found and isinstance(found.entity, AgentChanged) else None


async def everything(conn: Connection) -> Sequence[Stored]:
    """Every entity of every account."""
    return await _many(conn, _ALL, ())


async def of_account(conn: Connection, account_id: UUID) -> Sequence[Stored]:
    """Every entity of an account, itself included."""
    return await _many(conn, _OF_ACCOUNT, (account_id,))


async def page(
    conn: Connection, kind: type[Entity], account_id: UUID, query: EntityQuery
) -> Sequence[Stored]:
    """Up to `limit + 1` entities of a collection, by name: one more tells of a next page."""
    limited = query.sector_ids is not None and issubclass(kind, SectorLimited)
    name, after = query.after or (None, None)
    return await _many(
        conn,
        _PAGE,
        {
            "account": account_id,
            "type": kind.TYPE,
            "id": query.id,
            "active": query.active,
            "q": None if query.q is None else f"%{_literal(folded(query.q))}%",
            "sectors": [str(id_) for id_ in query.sector_ids or ()] if limited else None,
            "name": name,
            "after": after,
            "limit": query.limit + 1,
        },
    )


async def put(conn: Connection, entity: Entity, version: int, at: datetime) -> None:
    """Store an entity's new state."""
    body = entity.body().decode()
    row = (entity.id, entity.account, entity.TYPE, body, at, version, folded(entity.name))
    await conn.execute(_PUT, row)


async def declare(conn: Connection, id_: UUID, declared: dict[str, Any] | None) -> None:
    """Keep what the seed declares of an entity; None once it does not any more."""
    body = None if declared is None else orjson.dumps(declared).decode()
    await conn.execute(_DECLARE, (body, id_))


async def same_name(conn: Connection, entity: Entity) -> UUID | None:
    """Another active entity of the collection whose name a person would take for the same."""
    row = (entity.account, entity.TYPE, folded(entity.name), entity.id)
    found = await (await conn.execute(_SAME_NAME, row)).fetchone()
    return None if found is None else found[0]


async def _one(conn: Connection, query: str, values: Any) -> Stored | None:  # noqa: ANN401
    found = await _many(conn, query, values)
    return found[0] if found else None


async def _many(conn: Connection, query: str, values: Any) -> list[Stored]:  # noqa: ANN401
    rows = await (await conn.execute(query.encode(), values)).fetchall()
    return [_stored(row) for row in rows if row[0] in _TYPES]


def _stored(row: tuple[Any, ...]) -> Stored:
    type_, body, version, changed_at, declared = row
    entity = _TYPES[type_].read(body.encode())
    return Stored(entity, version, changed_at, declared and orjson.loads(declared))


def _literal(text: str) -> str:
    """Without the wildcards of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
