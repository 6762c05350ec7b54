"""A model is built beside the live one, compared, and shown to readers; nobody notices (D6)."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from services.projections.domain.events import Event
from services.projections.handlers.project import NotOurTurnError
from services.projections.handlers.rebuild import TooManyModelsError
from services.projections.read_models.cards import fold as cards
from services.projections.read_models.cards import queries
from services.projections.storage import live_model
from services.projections.storage import models as catalog
from services.projections.storage.models import (
    BehindLiveError,
    LiveModelError,
    NoSuchModelError,
    NothingBeforeError,
    NothingNewerError,
    WrongStateError,
)
from shared.contracts.inbox import RebuiltModels, RowChanged
from shared.contracts.internal_api import Scope, ViewQuery
from shared.plumbing import failpoints
from tests.projections import stories
from tests.projections.rebuilding import Models, beside
from tests.projections.running import dump
from tests.projections.stories import ACCOUNT, Customer, Log
from tests.support.stack import Postgres

ROOT = Path(__file__).parents[2]
EVERYTHING = Scope(agent_id=None, sector_ids=None)
KILL = "projections.rebuild_after_batch:kill@2"


def a_log() -> Log:
    log = stories.day(8)
    stays, waits = Customer(100), Customer(101)
    for who in (stays, waits):
        stories.meets_the_bot(log, who)
    stories.is_handed_off(log, waits)
    return log


@pytest.fixture
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


async def hashed(made: Models, number: int) -> str:
    tables_as_text = await dump(await made.pool(number))
    counted = [row for row in tables_as_text["counter"] if not row.endswith(",0)")]
    whole = {**tables_as_text, "counter": counted}
    return hashlib.sha256(repr(whole).encode()).hexdigest()


async def seen(made: Models) -> list[UUID]:
    """What a reader finds in Aguardando."""
    query = ViewQuery(scope=EVERYTHING, view="aguardando", limit=200)
    async with (await made.pool(1)).connection() as conn:
        await live_model.as_reader(conn, ACCOUNT)
        rows, _, _ = await queries.page(conn, ACCOUNT, query)
    return [row.id for row in rows]


@pytest.mark.parametrize("batch", [1, 7, 64, 5_000])
async def test_any_rebuild_gives_the_rows_that_the_live_model_has(
    postgres: Postgres, keys_dir: Path, batch: int
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        number = await made.rebuilt(batch=batch)
        assert await hashed(made, number) == await hashed(made, 1)
        assert all(found.same for found in await made.compared(number))


@pytest.mark.parametrize("deaths", [[1], [2, 1], [1, 1, 3], [4]])
async def test_a_rebuild_that_dies_goes_on_to_the_same_rows(
    postgres: Postgres, keys_dir: Path, deaths: list[int], disarmed: None
) -> None:
    del disarmed
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        for hit in deaths:
            failpoints.arm(f"projections.rebuild_after_batch:raise@{hit}")
            with pytest.raises(failpoints.FailpointError):
                await made.rebuilt(batch=15)
        failpoints.arm("")
        assert await made.rebuilt(batch=33) == 2
        assert await hashed(made, 2) == await hashed(made, 1)


async def test_the_verb_killed_in_the_middle_is_gone_on_with_and_sends_nothing(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        before = await made.told()
        killed = await verb(made, keys_dir, "rebuild", "--batch", "40", FAILPOINT=KILL)
        assert killed.returncode == -9
        done = await verb(made, keys_dir, "rebuild", "--all", "--batch", "40")
        assert (done.returncode, done.stderr) == (0, "")
        assert "model 2 follows" in done.stdout
        assert (await verb(made, keys_dir, "verify")).returncode == 0
        assert await made.told() == before
        assert (await verb(made, keys_dir, "switch")).stdout == "readers see model 2\n"
        assert "model 2: live, following" in (await verb(made, keys_dir, "status")).stdout
        assert (await verb(made, keys_dir, "rollback")).stdout == "readers see model 1\n"
        refused = await verb(made, keys_dir, "drop", "1")
        assert (refused.returncode, refused.stderr) == (1, "readers see this model: 1\n")
        assert (await verb(made, keys_dir, "drop", "2")).returncode == 0
        assert await hashed(made, 1)


async def verb(
    made: Models, keys_dir: Path, *words: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    settings = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PROJECTIONS_DATABASE_URL": made.url,
        "TICKETS_URLS": made.others,
        "DIRECTORY_URLS": made.others,
        "GUICHE_KEYS_DIR": str(keys_dir),
        "GUICHE_RUN_DIR": str(keys_dir / "none"),
        **environment,
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "services", "projections", *words],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_wrong_fold_is_found_and_shown(
    postgres: Postgres, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        right, sick = cards.changed, Customer(3).ticket()

        def wrong(row: cards.StoredRow, event: Event, changes: dict[str, Any]) -> cards.StoredRow:
            folded = right(row, event, changes)
            return folded.model_copy(update={"unread": 7} if row.id == sick else {})

        with monkeypatch.context() as patched:
            patched.setattr(cards, "changed", wrong)
            number = await made.rebuilt()
        found = {each.table: each.differences for each in await made.compared(number)}
        assert found.pop("card") == [(str(sick), "differs")]
        assert all(differences == [] for differences in found.values())


async def test_rows_and_counters_that_only_one_model_has_are_found(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        number = await made.rebuilt()
        await made.conn.execute("DELETE FROM rm_v2.contact WHERE id = %s", (Customer(1).id,))
        await made.conn.execute("DELETE FROM rm_v1.fate")
        await made.conn.execute("UPDATE rm_v2.counter SET tickets = 9 WHERE view = 'bot'")
        found = {each.table: each.differences for each in await made.compared(number)}
        assert found["contact"] == [(str(Customer(1).id), "only in model 1")]
        assert {what for _, what in found["fate"]} == {"only in model 2"}
        assert [what for _, what in found["counter"]] == ["differs"]
        assert found["card"] == []


async def test_models_are_compared_at_one_position_wherever_each_of_them_is(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    whole = list(log.events)
    async with beside(postgres, keys_dir, log) as made:
        del log.events[60:]
        number = await made.rebuilt(batch=30)
        log.events.extend(whole[60:])
        await made.follows(1, log, upto=110)
        await made.follows(number, log, upto=80)
        assert all(found.same for found in await made.compared(number))
        await made.follows(number, log)
        await made.follows(1, log)
        assert await hashed(made, number) == await hashed(made, 1)


async def test_nobody_else_folds_a_model_that_is_built_or_compared(
    postgres: Postgres, keys_dir: Path, disarmed: None
) -> None:
    del disarmed
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        failpoints.arm("projections.rebuild_after_batch:raise")
        with pytest.raises(failpoints.FailpointError):
            await made.rebuilt(batch=20)
        with pytest.raises(NotOurTurnError):
            await made.follows(2, log)
        with pytest.raises(WrongStateError):
            await made.switched(2)


async def test_readers_see_one_model_or_the_other_and_screens_load_again(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        before, told = await seen(made), len(await made.told())
        number = await made.rebuilt()
        stories.arrives(log, Customer(50))
        await made.follows(number, log)
        assert len(await made.told()) == told, "nobody hears of a model that nobody sees"
        await made.switched(number)
        with pytest.raises(BehindLiveError):  # readers have seen more
            await made.switched(1)
        assert len(await seen(made)) == len(before) + 1
        assert (await made.told())[told:] == [RebuiltModels.TYPE]
        stories.arrives(log, Customer(51))
        await made.follows(1, log)
        assert (await made.told())[told:] == [RebuiltModels.TYPE]
        await made.follows(number, log)
        assert RowChanged.TYPE in (await made.told())[told:]
        await made.switched(1)
        assert {*await seen(made)} == {*before, Customer(50).ticket(), Customer(51).ticket()}


async def test_nobody_reads_the_old_model_after_the_switch(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        number = await made.rebuilt()
        async with (await made.pool(1)).connection() as reader:
            await live_model.as_reader(reader, ACCOUNT)
            with pytest.raises(LockNotAvailable):
                await made.switched(number)
            assert await catalog.live(made.conn) == 1
        await made.switched(number)
        assert await catalog.live(made.conn) == number


async def test_a_verification_that_died_leaves_a_model_that_can_be_resumed_or_compared_again(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        number = await made.rebuilt()
        await catalog.change(made.conn, number, "verifying", "following")
        with pytest.raises(NotOurTurnError):
            await made.follows(number, log)
        assert all(found.same for found in await made.compared(number))
        await catalog.change(made.conn, number, "verifying", "following")
        await catalog.pause(made.conn, number, paused=False)
        await made.follows(number, log)
        await made.switched(number)


async def test_going_back_waits_for_no_event_that_does_not_exist_and_no_position_falls(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        number = await made.rebuilt()  # all of its partitions stand at the end of the log
        for to in (number, 1, number):
            before = await places(made)
            await made.switched(to)
            after = await places(made)
            assert all(after[partition] >= before[partition] for partition in before)


async def places(made: Models) -> dict[int, int]:
    async with (await made.pool(1)).connection() as conn:
        return {
            number: each.log_id
            for number, each in (await live_model.live_checkpoints(conn)).items()
        }


async def test_a_switch_while_events_flow_loses_and_doubles_nothing(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        number = await made.rebuilt()
        async with flowing(made, log, 1, number):
            lengths: list[int] = []
            for to in (number, 1, number):
                await made.switched(to, seconds=10)
                lengths.append(len(await seen(made)))
            assert lengths == sorted(lengths)
        assert await hashed(made, 1) == await hashed(made, number)
        assert [kind for kind in await made.told() if kind == RebuiltModels.TYPE] == [
            RebuiltModels.TYPE
        ] * 3


@asynccontextmanager
async def flowing(made: Models, log: Log, *numbers: int) -> AsyncGenerator[None]:
    """New customers write for as long as the block; both models follow, each at its own pace."""
    ended = asyncio.Event()

    async def write() -> None:
        number = 200
        while not ended.is_set():
            stories.arrives(log, Customer(number))
            number += 1
            await asyncio.sleep(0.02)

    async def follow(number: int) -> None:
        first = 0
        while not ended.is_set() or first < len(log.events):
            last = len(log.events)
            await made.follows(number, log, first, last)
            first = last
            await asyncio.sleep(0.01 * number)

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        for number in numbers:
            group.create_task(follow(number))
        yield
        ended.set()


async def test_one_model_beside_the_live_one_and_no_verb_touches_what_readers_see(
    postgres: Postgres, keys_dir: Path
) -> None:
    async with beside(postgres, keys_dir, a_log()) as made:
        number = await made.rebuilt()
        assert await catalog.parked_of(made.conn, number) == 0
        with pytest.raises(TooManyModelsError):
            await made.rebuilt()
        with pytest.raises(LiveModelError):
            await catalog.pause(made.conn, 1, paused=True)
        await catalog.pause(made.conn, number, paused=True)
        with pytest.raises(WrongStateError):
            await made.switched(number)
        await catalog.drop(made.conn, number)
        assert await made.rebuilt() == number


async def test_a_switch_that_names_no_model_never_goes_back(
    postgres: Postgres, keys_dir: Path
) -> None:
    """Of two operators who switch at once the second must not undo what the first has done."""
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        with pytest.raises(NothingNewerError):
            await catalog.newest(made.conn)
        with pytest.raises(NothingBeforeError):
            await catalog.before(made.conn)
        number = await made.rebuilt()
        assert await catalog.newest(made.conn) == number
        await made.switched(number)
        with pytest.raises(NothingNewerError):
            await catalog.newest(made.conn)
        with pytest.raises(LiveModelError):
            await made.switched(number)
        assert await catalog.before(made.conn) == 1
        await made.switched(1)
        with pytest.raises(NothingNewerError):
            await catalog.newest(made.conn)


async def test_what_readers_see_by_now_is_neither_paused_nor_compared(
    postgres: Postgres, keys_dir: Path
) -> None:
    """A verb that comes while the pointer moves waits for it: else the live model stands still."""
    async with beside(postgres, keys_dir, a_log()) as made:
        number = await made.rebuilt()
        async with await AsyncConnection.connect(made.url, autocommit=True) as switching:
            for verb_of in (
                partial(catalog.pause, made.conn, number, paused=True),
                partial(catalog.change, made.conn, number, "verifying", "following"),
            ):
                async with switching.transaction():
                    await switching.execute("UPDATE pointer SET model = %s", (number,))
                    waits = asyncio.create_task(verb_of())
                    await asyncio.wait([waits], timeout=0.3)
                with pytest.raises(LiveModelError):
                    await waits
                await switching.execute("UPDATE pointer SET model = 1")
        with pytest.raises(NoSuchModelError):
            await catalog.pause(made.conn, number + 1, paused=True)


async def test_one_operator_builds_or_compares_at_a_time(
    postgres: Postgres, keys_dir: Path
) -> None:
    async with beside(postgres, keys_dir, a_log()) as made:
        await catalog.alone_at_work(made.conn)
        for words in (["rebuild"], ["verify"]):
            refused = await verb(made, keys_dir, *words)
            assert refused.returncode == 1
            assert refused.stderr == "another process builds or compares models\n"


async def test_a_paused_rebuild_waits(postgres: Postgres, keys_dir: Path, disarmed: None) -> None:
    del disarmed
    async with beside(postgres, keys_dir, a_log()) as made:
        failpoints.arm("projections.rebuild_after_batch:raise")
        with pytest.raises(failpoints.FailpointError):
            await made.rebuilt(batch=40)
        await catalog.pause(made.conn, 2, paused=True)
        running = asyncio.create_task(made.rebuilt(batch=40))
        assert not (await asyncio.wait([running], timeout=1.2))[0]
        await catalog.pause(made.conn, 2, paused=False)
        assert await running == 2
