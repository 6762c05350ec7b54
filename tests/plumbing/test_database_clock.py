"""The time is the database's, whatever becomes of the machine's clock."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import time_machine

from shared.plumbing.database_clock import DatabaseClock
from shared.plumbing.loops import Heartbeat
from shared.plumbing.metrics import REGISTRY
from shared.plumbing.postgres import Pool, make_pool

NEAR = timedelta(milliseconds=500)


async def databases(pool: Pool) -> datetime:
    async with pool.connection() as conn:
        row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("jump", [timedelta(minutes=10), -timedelta(minutes=10)])
async def test_a_jump_of_the_machines_clock_changes_nothing(pool: Pool, jump: timedelta) -> None:
    clock = DatabaseClock(pool)
    await clock.ask(Heartbeat())
    with time_machine.travel(datetime.now(UTC) + jump):
        assert abs(clock.now() - await databases(pool)) < NEAR
        await clock.ask(Heartbeat())
        assert abs(clock.now() - await databases(pool)) < NEAR
        offset = REGISTRY.get_sample_value("guiche_clock_offset_seconds")
    assert offset == pytest.approx(jump.total_seconds(), abs=0.5)
    assert clock.now().tzinfo is UTC


async def test_the_time_goes_on_while_the_database_is_away(pool: Pool, database: str) -> None:
    clock = DatabaseClock(pool)
    await clock.ask(Heartbeat())
    await pool.close()
    with pytest.raises(Exception, match="closed"):
        await clock.ask(Heartbeat())
    with psycopg.connect(database) as other:
        row = other.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    assert abs(clock.now() - row[0]) < NEAR


async def test_before_the_database_was_asked_there_is_the_machines_clock() -> None:
    nowhere = make_pool("postgresql://nobody@127.0.0.1:1/none", min_size=1, max_size=1)
    clock = DatabaseClock(nowhere)
    assert not clock.known
    assert abs(clock.now() - datetime.now(UTC)) < NEAR
    assert clock.now().tzinfo is UTC
