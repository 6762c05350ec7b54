"""Lower is dropped, next is applied, a gap is told; a zombie waits and finds that it is late."""

import asyncio
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from shared.plumbing.postgres import Pool
from shared.plumbing.sequence import APPLY, DROP, Gap, advance, judge

A, B, C = (UUID(int=n) for n in (1, 2, 3))


async def test_each_version_of_a_stream_is_applied_once_and_in_order(pool: Pool) -> None:
    async with pool.connection() as conn:
        assert await judge(conn, [(A, 1), (B, 1), (A, 2), (A, 2)]) == [APPLY, APPLY, APPLY, DROP]
        await advance(conn, [(A, 1), (B, 1), (A, 2)])
    async with pool.connection() as conn:
        assert await judge(conn, [(A, 1), (A, 3), (B, 2)]) == [DROP, APPLY, APPLY]


async def test_a_gap_is_told_from_where_and_what_follows_it_is_a_gap_too(pool: Pool) -> None:
    async with pool.connection() as conn:
        await judge(conn, [(A, 1)])
        await advance(conn, [(A, 1)])
        assert await judge(conn, [(A, 3), (A, 4), (B, 1), (C, 2)]) == [
            Gap(2),
            Gap(2),
            APPLY,
            Gap(1),
        ]


async def test_what_was_not_advanced_is_judged_again(pool: Pool) -> None:
    async with pool.connection() as conn:
        assert await judge(conn, [(A, 1)]) == [APPLY]
        await conn.rollback()
    async with pool.connection() as conn:
        assert await judge(conn, [(A, 1)]) == [APPLY]


async def test_advance_never_goes_back(pool: Pool) -> None:
    async with pool.connection() as conn:
        await judge(conn, [(A, 1)])
        await advance(conn, [(A, 5), (A, 3)])
        await advance(conn, [(A, 2)])
        assert await judge(conn, [(A, 5), (A, 6)]) == [DROP, APPLY]


async def test_a_zombie_waits_for_the_new_owner_and_is_late(pool: Pool) -> None:
    async with pool.connection() as conn:
        await judge(conn, [(A, 1), (B, 1)])
        await advance(conn, [(A, 1), (B, 1)])
    judged, go_on = asyncio.Event(), asyncio.Event()

    async def owner() -> None:
        async with pool.connection() as conn:
            assert await judge(conn, [(A, 2), (B, 2)]) == [APPLY, APPLY]
            judged.set()
            await go_on.wait()
            await advance(conn, [(A, 2), (B, 2)])

    async def zombie() -> list[object]:
        await judged.wait()
        async with pool.connection() as conn:
            return list(await judge(conn, [(B, 2), (A, 2)]))

    working, late = asyncio.create_task(owner()), asyncio.create_task(zombie())
    await judged.wait()
    async with pool.connection() as conn:
        await _until_somebody_waits(conn)
    assert not late.done()
    go_on.set()
    await working
    assert await late == [DROP, DROP]


async def _until_somebody_waits(conn: AsyncConnection[Any]) -> None:
    sql = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(10):
        while True:
            row = await (await conn.execute(sql)).fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(0.01)
