"""Pools of PostgreSQL connections that no broken connection or lock can hang."""

from time import monotonic
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.errors import (
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,
    UndefinedTable,
)
from psycopg_pool import AsyncConnectionPool

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]

TRANSIENT: Final[tuple[type[Exception], ...]] = (
    OperationalError,  # connection, locks, deadlocks, time limits, full disks, pool limits
    InterfaceError,  # used after it broke
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,  # a former primary
)
STARTING: Final[tuple[type[Exception], ...]] = (*TRANSIENT, UndefinedTable)
"""What is raised at the start, when the migrations may not have run yet."""
_CHECK_EACH_SECONDS: Final = 1.0
_LIMITS: Final = (
    "SELECT set_config('lock_timeout', '2s', false), set_config('statement_timeout', '5s', false), "
    "set_config('idle_in_transaction_session_timeout', '5s', false)"
)
_checked: Final[WeakKeyDictionary[AsyncConnection[Any], float]] = WeakKeyDictionary()


class ReadOnlyServerError(OperationalError):
    """The server refuses writes: a replica, or a primary that was demoted."""


def make_pool(url: str, *, min_size: int, max_size: int, writable: bool = True) -> Pool:
    """A pool that is still closed: `await pool.open()`; it reconnects for ever.

    A connection is tested when it is taken, once a second at most (broken; read-only unless
    `writable` is false). Limits: 2 s for a lock, 5 s for a statement, 5 s idle in a transaction.
    """
    return AsyncConnectionPool(
        url,
        min_size=min_size,
        max_size=max_size,
        open=False,
        timeout=5,
        max_lifetime=600,
        reconnect_timeout=86_400,
        configure=_limit,
        check=_check_writable if writable else _check_alive,
        kwargs={
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        },
    )


async def _limit(conn: AsyncConnection[Any]) -> None:
    await conn.execute(_LIMITS)
    await conn.commit()


async def _check_alive(conn: AsyncConnection[Any]) -> None:
    if _recently(conn):
        return
    await AsyncConnectionPool.check_connection(conn)
    _checked[conn] = monotonic()


async def _check_writable(conn: AsyncConnection[Any]) -> None:
    if _recently(conn):
        return
    async with conn.transaction():
        found = await conn.execute("SELECT current_setting('transaction_read_only')")
        row = await found.fetchone()
    if row is None or row[0] != "off":
        message = "the server is read-only"
        raise ReadOnlyServerError(message)
    _checked[conn] = monotonic()


def _recently(conn: AsyncConnection[Any]) -> bool:
    return monotonic() - _checked.get(conn, 0.0) < _CHECK_EACH_SECONDS
