"""The append of design.md D3: a command holds whole, or nothing of it is stored."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from services.tickets.storage.contract import (
    Claim,
    Expectation,
    ForeignStreamError,
    Repeated,
    Stale,
    Stored,
    Taken,
    TimerSet,
)
from tests.tickets.store.stores import (
    OTHER_ACCOUNT,
    Opening,
    a_claim,
    a_command,
    a_stream,
    in_one_call,
    reads,
    writes,
)


def a_timer() -> TimerSet:
    return TimerSet(uuid4(), uuid4(), "inactivity", datetime.now(UTC) + timedelta(hours=1))


async def count(opening: Opening, table: str) -> int:
    async with opening.pool.connection() as conn:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = await (await conn.execute(query)).fetchone()
    assert row is not None
    return row[0]


async def test_a_command_is_stored_with_all_that_it_brings(opening: Opening) -> None:
    stream, timer = a_stream(), a_timer()
    verdict = await opening.store.append(
        a_command(writes(stream, count=3), take=[a_claim()], timers=[timer], outcome=b"ok")
    )
    assert isinstance(verdict, Stored)
    found = (await opening.store.load([(stream.id, 0)]))[stream.id]
    assert [event.version for event in found] == [1, 2, 3]
    assert found[-1].log_id == verdict.position == await opening.store.head()
    assert await count(opening, "claim") == 2
    assert await count(opening, "timer") == 1
    await opening.store.append(a_command(writes(stream, 3), clear=[timer.id]))
    assert await count(opening, "timer") == 0


async def test_another_version_refuses_the_whole_command(opening: Opening) -> None:
    stream, other = a_stream(), a_stream()
    await opening.store.append(a_command(writes(stream)))
    late = a_command(
        writes(stream), writes(other), take=[a_claim()], timers=[a_timer()], outcome=b"x"
    )
    assert await opening.store.append(late) == Stale(stream.id, 1)
    assert (await opening.store.load([(other.id, 0)]))[other.id] == []
    assert await count(opening, "claim") == await count(opening, "timer") == 0


async def test_a_stream_that_was_only_read_refuses_when_it_moved(opening: Opening) -> None:
    ticket, conversation = a_stream(), a_stream()
    await opening.store.append(a_command(writes(ticket)))
    await opening.store.append(a_command(writes(ticket, 1)))  # paused in between
    decided_on_1 = a_command(writes(conversation), reads(ticket, 1))
    assert await opening.store.append(decided_on_1) == Stale(ticket.id, 2)
    assert (await opening.store.load([(conversation.id, 0)]))[conversation.id] == []


async def test_a_read_in_the_batch_of_the_write_is_judged_after_it(opening: Opening) -> None:
    ticket, conversation = a_stream(), a_stream()
    await opening.store.append(a_command(writes(ticket)))
    first, second = await in_one_call(
        opening,
        a_command(writes(ticket, 1)),
        a_command(writes(conversation), reads(ticket, 1)),
    )
    assert isinstance(first, Stored)
    assert second is None  # again


async def test_a_held_claim_refuses_and_names_its_holder(opening: Opening) -> None:
    claim = a_claim("open_ticket", value=b"ticket-1")
    await opening.store.append(a_command(take=[claim]))
    mine = Claim(claim.kind, claim.key, b"ticket-2")
    stream = a_stream()
    assert await opening.store.append(a_command(writes(stream), take=[mine])) == Taken(
        mine, b"ticket-1"
    )
    held = await opening.store.holders(a_command().account, [(claim.kind, claim.key), ("x", b"")])
    assert held == {(claim.kind, claim.key): b"ticket-1"}
    assert await opening.store.head() == 0


async def test_claims_of_accounts_do_not_meet(opening: Opening) -> None:
    claim = a_claim()
    await opening.store.append(a_command(take=[claim]))
    verdict = await opening.store.append(a_command(take=[claim], account=OTHER_ACCOUNT))
    assert isinstance(verdict, Stored)


async def test_a_claim_is_released_only_by_its_holder(opening: Opening) -> None:
    claim = a_claim(value=b"ticket-1")
    await opening.store.append(a_command(take=[claim]))
    await opening.store.append(a_command(release=[Claim(claim.kind, claim.key, b"ticket-2")]))
    assert isinstance(await opening.store.append(a_command(take=[claim])), Taken)
    await opening.store.append(a_command(release=[claim]))
    assert isinstance(await opening.store.append(a_command(take=[claim])), Stored)


async def test_one_command_releases_a_claim_and_takes_it_again(opening: Opening) -> None:
    old = a_claim(value=b"ticket-1")
    new = Claim(old.kind, old.key, b"ticket-2")
    await opening.store.append(a_command(take=[old]))
    assert isinstance(await opening.store.append(a_command(release=[old], take=[new])), Stored)
    held = await opening.store.holders(a_command().account, [(old.kind, old.key)])
    assert held[old.kind, old.key] == b"ticket-2"


async def test_a_command_that_ran_before_gets_its_first_outcome(opening: Opening) -> None:
    command, stream = uuid4(), a_stream()
    await opening.store.append(a_command(writes(stream), outcome=b"first", command=command))
    verdict = await opening.store.append(
        a_command(writes(stream), outcome=b"second", command=command)
    )
    assert verdict == Repeated(b"first")
    assert await opening.store.outcome(a_command().account, command) == b"first"
    assert await opening.store.outcome(a_command().account, uuid4()) is None


async def test_a_stream_of_another_account_is_a_defect(opening: Opening) -> None:
    stream = a_stream()
    await opening.store.append(a_command(writes(stream)))
    with pytest.raises(ForeignStreamError):
        await opening.store.append(a_command(writes(stream, 1), account=OTHER_ACCOUNT))


async def test_repeats_inside_one_command_are_removed(opening: Opening) -> None:
    claim, timer, stream = a_claim(), a_timer(), a_stream()
    twice = a_command(
        reads(stream, 0),
        writes(stream),
        Expectation(stream, 0, writes(stream, 1).events),
        take=[claim, claim],
        timers=[timer, timer],
        clear=[timer.id, timer.id],
        outcome=b"ok",
    )
    neighbour = a_command(writes(a_stream()))
    verdicts = await asyncio.gather(opening.store.append(twice), opening.store.append(neighbour))
    assert [type(verdict) for verdict in verdicts] == [Stored, Stored]
    found = (await opening.store.load([(stream.id, 0)]))[stream.id]
    assert [event.version for event in found] == [1, 2]


async def test_claims_that_collide_in_one_batch_are_judged_one_after_another(
    opening: Opening,
) -> None:
    key = uuid4().bytes
    commands = [
        a_command(writes(a_stream()), take=[a_claim("open", key, value=b"%d" % n)])
        for n in range(50)
    ]
    first, *others = await in_one_call(opening, *commands[:3])
    assert isinstance(first, Stored)
    assert others == [None, None]  # again
    verdicts = await asyncio.gather(*(opening.store.append(c) for c in commands[1:]))
    assert [v.holder for v in verdicts if isinstance(v, Taken)] == [b"0"] * 49
    assert await opening.store.head() == 1


async def test_a_command_that_the_database_rejects_leaves_its_neighbours_alone(
    opening: Opening,
) -> None:
    timer = a_timer()
    await opening.store.append(a_command(writes(a_stream()), timers=[timer]))
    poison = [a_command(writes(a_stream()), timers=[timer]) for _ in range(3)]
    healthy = [a_command(writes(a_stream()), outcome=b"ok") for _ in range(60)]
    mixed = healthy[:7] + poison[:1] + healthy[7:40] + poison[1:] + healthy[40:]
    verdicts = await asyncio.gather(
        *(opening.store.append(command) for command in mixed), return_exceptions=True
    )
    rejected = [n for n, verdict in enumerate(verdicts) if isinstance(verdict, Exception)]
    assert rejected == [7, 41, 42]
    assert await opening.store.head() >= 61
    assert await count(opening, "event") == 61
    assert await count(opening, "claim") == 60


async def test_the_service_can_neither_change_nor_delete_events(opening: Opening) -> None:
    await opening.store.append(a_command(writes(a_stream())))
    for change in ("UPDATE event SET topic = 'x'", "DELETE FROM event", "TRUNCATE event"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with opening.pool.connection() as conn:
                await conn.execute(change)
    assert await count(opening, "event") == 1
