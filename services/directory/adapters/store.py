"""Where is it kept? SQL over entities, logins, apps and refresh tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.directory.handlers.ports import Connection, RefreshToken
from shared.contracts.directory import DIRECTORY_TYPES, AgentChanged
from shared.contracts.envelope import Message

_SAME: Final = "SELECT body = %s::jsonb FROM entity WHERE id = %s FOR UPDATE"
_PUT_ENTITY: Final = """
INSERT INTO entity (id, account_id, type, body, changed_at) VALUES (%s, %s, %s, %s::jsonb, %s)
ON CONFLICT (id) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at
"""
_ENTITIES: Final = "SELECT type, body::text FROM entity ORDER BY type, id"
_LOGIN: Final = "SELECT agent_id, password_hash FROM login WHERE login = %s"
_PUT_LOGIN: Final = """
INSERT INTO login (login, account_id, agent_id, password_hash) VALUES (%s, %s, %s, %s)
ON CONFLICT (login) DO UPDATE SET agent_id = excluded.agent_id,
    account_id = excluded.account_id, password_hash = excluded.password_hash
"""
_AGENT: Final = "SELECT body::text FROM entity WHERE id = %s AND type = 'directory.AgentChanged.v1'"
_PUT_APP: Final = """
INSERT INTO app (id, account_id, waba_ids) VALUES (%s, %s, %s)
ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, waba_ids = excluded.waba_ids
"""
_APPS: Final = "SELECT id, account_id, waba_ids FROM app ORDER BY id"
_ADD_TOKEN: Final = (
    "INSERT INTO refresh_token (hash, family, agent_id, expires_at) VALUES (%s, %s, %s, %s)"
)
_TOKEN: Final = (
    "SELECT family, agent_id, expires_at, used_at FROM refresh_token WHERE hash = %s FOR UPDATE"
)
_USE_TOKEN: Final = "UPDATE refresh_token SET used_at = %s WHERE hash = %s"
_DROP_FAMILY: Final = "DELETE FROM refresh_token WHERE family = %s"
_SWEEP: Final = "DELETE FROM refresh_token WHERE expires_at < %s"


async def unchanged(conn: Connection, id_: UUID, body: str) -> bool:
    """Whether this very body is stored; locks the row."""
    row = await (await conn.execute(_SAME, (body, id_))).fetchone()
    return row is not None and bool(row[0])


async def put_entity(
    conn: Connection, id_: UUID, account_id: UUID, entity: Message, at: datetime
) -> None:
    """Store an entity."""
    await conn.execute(_PUT_ENTITY, (id_, account_id, entity.TYPE, entity.body().decode(), at))


async def entities(conn: Connection) -> Sequence[Message]:
    """Every entity."""
    rows = await (await conn.execute(_ENTITIES)).fetchall()
    return [DIRECTORY_TYPES[name].read(body.encode()) for name, body in rows]


async def agent(conn: Connection, id_: UUID) -> AgentChanged | None:
    """An agent."""
    row = await (await conn.execute(_AGENT, (id_,))).fetchone()
    return None if row is None else AgentChanged.read(row[0].encode())


async def login(conn: Connection, name: str) -> tuple[UUID, str] | None:
    """Agent and password hash of a login."""
    row = await (await conn.execute(_LOGIN, (name.casefold(),))).fetchone()
    return None if row is None else (row[0], row[1])


async def put_login(
    conn: Connection, name: str, account_id: UUID, agent_id: UUID, password_hash: str
) -> None:
    """Store a login; logins do not tell capitals apart."""
    await conn.execute(_PUT_LOGIN, (name.casefold(), account_id, agent_id, password_hash))


async def put_app(conn: Connection, id_: str, account_id: UUID, waba_ids: Sequence[str]) -> None:
    """Store a Meta app."""
    await conn.execute(_PUT_APP, (id_, account_id, list(waba_ids)))


async def apps(conn: Connection) -> Sequence[tuple[str, UUID, list[str]]]:
    """Every Meta app: id, account, the business accounts it speaks for."""
    rows = await (await conn.execute(_APPS)).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


async def add_token(
    conn: Connection, hash_: bytes, family: UUID, agent_id: UUID, expires_at: datetime
) -> None:
    """Store a refresh token by its hash."""
    await conn.execute(_ADD_TOKEN, (hash_, family, agent_id, expires_at))


async def token(conn: Connection, hash_: bytes) -> RefreshToken | None:
    """A refresh token; locks its row."""
    row = await (await conn.execute(_TOKEN, (hash_,))).fetchone()
    return None if row is None else RefreshToken(*row)


async def use_token(conn: Connection, hash_: bytes, at: datetime) -> None:
    """Mark a refresh token as renewed."""
    await conn.execute(_USE_TOKEN, (at, hash_))


async def drop_family(conn: Connection, family: UUID) -> None:
    """End a session: all tokens that came from one sign-in."""
    await conn.execute(_DROP_FAMILY, (family,))


async def sweep_tokens(conn: Connection, before: datetime) -> None:
    """Forget tokens that ended."""
    await conn.execute(_SWEEP, (before,))
