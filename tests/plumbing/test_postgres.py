"""The pool's limits, its tests of connections, and what counts as away."""

import asyncio
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from shared.plumbing.postgres import TRANSIENT, Pool, make_pool


async def test_each_connection_has_its_limits(pool: Pool) -> None:
    limits = (
        "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), "
        "current_setting('idle_in_transaction_session_timeout')"
    )
    async with pool.connection() as conn:
        assert await (await conn.execute(limits)).fetchone() == ("2s", "5s", "5s")


async def test_connections_that_the_server_ended_are_replaced(pool: Pool, database: str) -> None:
    async with pool.connection() as conn:
        await conn.execute("SELECT 1")
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    failed = 0
    async with asyncio.timeout(10):
        while True:
            try:
                async with pool.connection() as conn:
                    await conn.execute("SELECT 1")
                    break
            except TRANSIENT:
                failed += 1
    assert failed <= 1


async def test_a_server_that_became_read_only_is_not_used(database: str) -> None:
    name = urlsplit(database).path[1:]
    with psycopg.connect(database, autocommit=True) as admin:
        setting = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
        admin.execute(setting.format(sql.Identifier(name)))
    pool = make_pool(database, min_size=1, max_size=1)
    await pool.open()
    with pytest.raises(TRANSIENT):
        async with pool.connection(timeout=0.5):
            pass
    await pool.close()
    reader = make_pool(database, min_size=1, max_size=1, writable=False)
    await reader.open()
    async with reader.connection() as conn:
        assert await (await conn.execute("SELECT 1")).fetchone() == (1,)
    await reader.close()


async def test_a_pool_without_a_server_fails_as_something_that_is_away() -> None:
    pool = make_pool("postgresql://nobody@127.0.0.1:1/none", min_size=1, max_size=1)
    await pool.open()
    with pytest.raises(TRANSIENT):
        async with pool.connection(timeout=0.3):
            pass
    await pool.close()


def test_a_breach_of_a_constraint_is_not_something_that_is_away() -> None:
    assert not issubclass(psycopg.errors.UniqueViolation, TRANSIENT)
    assert not issubclass(psycopg.errors.UndefinedTable, TRANSIENT)
    assert issubclass(psycopg.errors.DeadlockDetected, TRANSIENT)
    assert issubclass(psycopg.errors.AdminShutdown, TRANSIENT)
