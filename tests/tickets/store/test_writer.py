"""The writer under trouble, and the clean-up of old outcomes."""

import asyncio
import os
import signal
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from services.tickets.storage import outcomes
from services.tickets.storage.contract import Repeated, Stored, StoreTimeoutError
from shared.plumbing.loops import Heartbeat
from tests.support.stack import Postgres
from tests.support.waiting import until
from tests.tickets.store.stores import (
    ACCOUNT,
    Opening,
    a_claim,
    a_command,
    a_stream,
    opened,
    writes,
)


async def test_callers_that_wake_together_share_one_transaction(opening: Opening) -> None:
    await asyncio.gather(*(opening.store.append(a_command(writes(a_stream()))) for _ in range(50)))
    async with opening.pool.connection() as conn:
        row = await (await conn.execute("SELECT count(DISTINCT xmin::text) FROM event")).fetchone()
    assert row == (1,)


async def test_a_lock_held_by_another_makes_the_writer_try_again(
    opening: Opening, url: str
) -> None:
    await opening.store.append(a_command(writes(a_stream())))
    async with await psycopg.AsyncConnection.connect(url) as holding:
        await holding.execute("SELECT pg_advisory_xact_lock(77)")
        waiting = asyncio.create_task(opening.store.append(a_command(writes(a_stream()))))
        done, _ = await asyncio.wait([waiting], timeout=2.5)  # longer than lock_timeout
        assert not done
        await holding.rollback()
    assert isinstance(await waiting, Stored)


async def test_a_frozen_backend_is_cut_and_its_commands_go_again(
    url: str, postgres: Postgres
) -> None:
    async with opened(url, deadline_seconds=1.0) as opening:
        await opening.store.append(a_command(writes(a_stream())))
        with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
            pid = backend_of_the_writer(admin, url)
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(StoreTimeoutError):
                    await opening.store.append(a_command(writes(a_stream())))
                await until(lambda: cut(opening))
                stream = a_stream()
                assert isinstance(await opening.store.append(a_command(writes(stream))), Stored)
            finally:
                os.kill(pid, signal.SIGCONT)


async def cut(opening: Opening) -> bool:
    """As the loop does: look, and cut a call that hangs."""
    await opening.writer.watch(Heartbeat())
    return not opening.writer.calling


def backend_of_the_writer(admin: psycopg.Connection[tuple[object, ...]], url: str) -> int:
    name = conninfo_to_dict(url)["dbname"]
    found = admin.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND query LIKE '%%FROM append(%%'",
        (name,),
    ).fetchall()
    assert len(found) == 1
    return int(str(found[0][0]))


async def test_old_outcomes_are_forgotten_and_claims_of_machines_are_not(opening: Opening) -> None:
    old, new, item = uuid4(), uuid4(), a_claim()
    for command in (old, new):
        await opening.store.append(a_command(writes(a_stream()), outcome=b"ok", command=command))
    await opening.store.append(a_command(writes(a_stream()), take=[item]))
    await age(opening, old.bytes, item.key)
    await outcomes.forget_old(opening.pool)(Heartbeat())
    assert await opening.store.outcome(ACCOUNT, old) is None
    assert await opening.store.outcome(ACCOUNT, new) == b"ok"
    assert await opening.store.holders(ACCOUNT, [(item.kind, item.key)]) != {}
    again = a_command(writes(a_stream()), outcome=b"x", command=new)
    assert await opening.store.append(again) == Repeated(b"ok")


async def age(opening: Opening, *keys: bytes) -> None:
    """Eight days pass for these claims: taken again with an older instant."""
    async with opening.pool.connection() as conn:
        for key in keys:
            await conn.execute(
                "WITH gone AS (DELETE FROM claim WHERE key = %s RETURNING *)"
                " INSERT INTO claim SELECT account, kind, key, value, at - interval '8 days'"
                " FROM gone",
                (key,),
            )
