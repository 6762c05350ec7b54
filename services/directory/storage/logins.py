"""Tables of logins, password hashes and open sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.directory.storage.connection import Connection

_COLUMNS: Final = "SELECT login, account_id, agent_id, password_hash FROM login"
_LOGIN: Final = f"{_COLUMNS} WHERE login = %s"
_OF_ACCOUNT: Final = f"{_COLUMNS} WHERE account_id = %s"
_PUT_LOGIN: Final = """
INSERT INTO login (login, account_id, agent_id, password_hash) VALUES (%s, %s, %s, %s)
ON CONFLICT (login) DO UPDATE SET agent_id = excluded.agent_id,
    account_id = excluded.account_id, password_hash = excluded.password_hash
"""
_DROP_LOGIN: Final = "DELETE FROM login WHERE login = %s"
_ADD_TOKEN: Final = (
    "INSERT INTO refresh_token (hash, family, agent_id, expires_at) VALUES (%s, %s, %s, %s)"
)
_TOKEN: Final = (
    "SELECT family, agent_id, expires_at, used_at FROM refresh_token WHERE hash = %s FOR UPDATE"
)
_USE_TOKEN: Final = "UPDATE refresh_token SET used_at = %s WHERE hash = %s"
_END_SESSION: Final = "DELETE FROM refresh_token WHERE family = %s"
_END_SESSIONS: Final = "DELETE FROM refresh_token WHERE agent_id = %s"
_SWEEP: Final = "DELETE FROM refresh_token WHERE expires_at < %s"


@dataclass(frozen=True, slots=True)
class Login:
    """A login, which belongs to one agent; logins do not tell capitals apart."""

    login: str
    account_id: UUID
    agent_id: UUID
    password_hash: str


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A stored refresh token; `used_at` marks one that was renewed already."""

    family: UUID
    agent_id: UUID
    expires_at: datetime
    used_at: datetime | None


async def login(conn: Connection, name: str) -> Login | None:
    """The login of this name."""
    row = await (await conn.execute(_LOGIN.encode(), (name.casefold(),))).fetchone()
    return None if row is None else Login(*row)


async def of_account(conn: Connection, account_id: UUID) -> Sequence[Login]:
    """All logins of an account."""
    rows = await (await conn.execute(_OF_ACCOUNT.encode(), (account_id,))).fetchall()
    return [Login(*row) for row in rows]


async def put_login(conn: Connection, new: Login) -> None:
    """Store a login in place of the one of the same name."""
    row = (new.login.casefold(), new.account_id, new.agent_id, new.password_hash)
    await conn.execute(_PUT_LOGIN, row)


async def drop_login(conn: Connection, name: str) -> None:
    """Forget a login."""
    await conn.execute(_DROP_LOGIN, (name.casefold(),))


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


async def end_session(conn: Connection, family: UUID) -> None:
    """Forget all tokens that came from one sign-in."""
    await conn.execute(_END_SESSION, (family,))


async def end_sessions(conn: Connection, agent_id: UUID) -> None:
    """Forget all tokens of an agent."""
    await conn.execute(_END_SESSIONS, (agent_id,))


async def sweep_tokens(conn: Connection, before: datetime) -> None:
    """Forget tokens that ended."""
    await conn.execute(_SWEEP, (before,))
