"""A program folds models of its own form only, and brings readers to one without an error (D6)."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import pytest
from psycopg import sql

from services.projections.adapters.event_decoder import delivered
from services.projections.adapters.model_builder import ModelBuilder
from services.projections.adapters.parked import KeyParking
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.project import NotOurTurnError
from services.projections.read_models import READ_MODELS
from services.projections.read_models.read_model import Connection
from services.projections.storage import checkpoints, schemas
from services.projections.storage import models as catalog
from services.projections.storage.models import Model, OtherFormError
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from tests.projections import stories
from tests.projections.rebuilding import Models, beside
from tests.projections.running import models
from tests.projections.stories import Customer, Log
from tests.projections.test_read_models import WITH_TOY
from tests.support.stack import Postgres


def a_log() -> Log:
    log = stories.day(6)
    waits = Customer(100)
    stories.meets_the_bot(log, waits)
    stories.is_handed_off(log, waits)  # with a note
    return log


async def column(conn: Connection, statement: LiteralString, number: int) -> list[Any]:
    """The first column of a statement on the tables of a model."""
    schema = sql.Identifier(schemas.schema(number))
    found = await conn.execute(sql.SQL(statement).format(schema))
    return [row[0] for row in await found.fetchall()]


async def notes(conn: Connection, number: int) -> list[int]:
    return await column(conn, "SELECT notes FROM {}.note_count", number)


async def test_a_model_on_the_list_is_folded_rebuilt_and_compared(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log, WITH_TOY) as made:
        await made.follows(1, log)
        assert await notes(made.conn, 1) == [1]
        number = await made.rebuilt()
        assert await notes(made.conn, number) == [1]
        found = await made.compared(number)
        assert {each.table for each in found} >= {"note_count", "card"}
        assert all(each.same for each in found)
        await made.conn.execute("UPDATE rm_v2.note_count SET notes = 7")
        assert [each.table for each in await made.compared(number) if not each.same] == [
            "note_count"
        ]


async def test_its_table_is_confined_to_one_account_and_emptied_with_the_others(
    postgres: Postgres,
) -> None:
    async with models(postgres, read_models=WITH_TOY) as (project, pool):
        await project.apply(a_log().events)
        async with pool.connection() as conn:
            await conn.execute(
                "SELECT set_config('guiche.account', %s, true)", (str(Customer(1).id),)
            )
            await conn.execute("SET LOCAL ROLE guiche_projections_reader")
            assert await notes(conn, 1) == []
        async with pool.connection() as conn:
            assert await project.forget(conn, 2)
            assert await notes(conn, 1) == []


async def test_a_model_of_another_form_is_not_folded(postgres: Postgres, keys_dir: Path) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as made:
        await made.follows(1, log)
        with pytest.raises(NotOurTurnError):
            await replace(made, read_models=READ_MODELS[:-1]).follows(1, log)


async def test_tables_that_are_missing_are_waited_for_and_park_nothing(
    postgres: Postgres,
) -> None:
    log = a_log()
    async with models(postgres, log.events) as (project, pool):
        parking = ParkedVersions(pool, Sealer(bytes(32)), "projections")
        processor = BatchProcessor(project, KeyParking(parking, project))
        batch = [delivered(stories.as_feed(log, event)) for event in log.events]
        for broken, mended in (
            ("ALTER TABLE contact RENAME TO gone", "ALTER TABLE gone RENAME TO contact"),
            (
                "ALTER TABLE contact RENAME COLUMN name TO gone",
                "ALTER TABLE contact RENAME COLUMN gone TO name",
            ),
        ):
            async with pool.connection() as conn:
                await conn.execute(broken.encode())
            with pytest.raises(Exception, match="does not exist"):
                await processor.process(batch)
            assert await parking.list() == []
            async with pool.connection() as conn:
                assert {each.log_id for each in (await checkpoints.load(conn)).values()} == {0}
                await conn.execute(mended.encode())
        await processor.process(batch)
        assert await parking.list() == []


def builder(made: Models) -> ModelBuilder:
    pool = make_pool(made.url, min_size=0, max_size=1)  # closed: `put` needs none
    outbox = Outbox(pool, Producer(CommonSettings()))
    return ModelBuilder(made.url, "test", made.feed, Sealer(bytes(32)), outbox, made.read_models)


async def live(made: Models) -> Model:
    return next(model for model in await catalog.models(made.conn) if model.live)


async def test_a_changed_form_under_load_parks_nothing_and_loses_nothing(
    postgres: Postgres, keys_dir: Path
) -> None:
    """Programs of both forms run, customers write, readers are moved to the new form."""
    log = a_log()
    async with beside(postgres, keys_dir, log) as old:
        await old.follows(1, log)
        new, ended = replace(old, read_models=WITH_TOY), asyncio.Event()

        async def write() -> None:
            number = 200
            while not ended.is_set():
                stories.arrives(log, Customer(number))
                number += 1
                await asyncio.sleep(0.02)

        async def follow(made: Models, number: int) -> None:
            done = 0
            while not ended.is_set() or done < len(log.events):
                last = len(log.events)
                await made.follows(number, log, done, last)
                done = last
                await asyncio.sleep(0.01)

        async def bring(group: asyncio.TaskGroup) -> None:
            shown = builder(new)
            while len(await catalog.models(new.conn)) == 1:
                await shown.look(Heartbeat())
            group.create_task(follow(new, 2))
            while (await live(new)).number != 2:
                await shown.look(Heartbeat())
            await shown.look(Heartbeat())
            await asyncio.sleep(0.2)
            ended.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            group.create_task(follow(old, 1))
            await bring(group)
        assert [await catalog.parked_of(new.conn, number) for number in (1, 2)] == [0, 0]
        assert await seen_by(new.conn, 2) == await seen_by(new.conn, 1)
        assert len(await seen_by(new.conn, 2)) >= 8
        with pytest.raises(OtherFormError):
            await new.compared(1)


async def seen_by(conn: Connection, number: int) -> list[str]:
    return await column(conn, "SELECT ticket_id::text || view FROM {}.card ORDER BY 1", number)


async def test_an_older_program_neither_goes_back_nor_folds_what_is_newer(
    postgres: Postgres, keys_dir: Path
) -> None:
    log = a_log()
    async with beside(postgres, keys_dir, log) as old:
        await old.follows(1, log)
        new = replace(old, read_models=WITH_TOY)
        await shown(new, log)
        await builder(old).look(Heartbeat())
        assert (await live(old)).number == 2
        await old.switched(1)  # an operator does
        assert (await live(old)).number == 1


async def shown(made: Models, log: Log) -> None:
    """Until readers see model 2."""
    build = builder(made)
    await build.look(Heartbeat())
    await made.follows(2, log)
    await build.look(Heartbeat())
    assert (await live(made)).number == 2


@pytest.mark.parametrize("folded", [0, 30])
async def test_models_of_before_there_were_forms_are_replaced(
    postgres: Postgres, keys_dir: Path, folded: int
) -> None:
    """As the migrations of 7ddf972 left it; an empty one is made anew where it stands."""
    log = a_log()
    async with beside(postgres, keys_dir, log, fresh=False) as made:
        if folded:
            await made.has_folded(folded)
        assert [(m.number, m.form) for m in await catalog.models(made.conn)] == [(1, None)]
        await builder(made).look(Heartbeat())
        if folded:
            await made.follows(2, log)
            await builder(made).look(Heartbeat())
        else:
            await made.has_folded(0)
        seen = await live(made)
        assert (seen.number, seen.form) == (2 if folded else 1, schemas.form(READ_MODELS))
        await made.follows(seen.number, log)
        assert len(await seen_by(made.conn, seen.number)) == 7


async def test_a_program_of_before_sees_only_what_it_can_fold(
    postgres: Postgres, keys_dir: Path
) -> None:
    """Its statement, as it stands in 7ddf972."""
    async with beside(postgres, keys_dir, a_log(), fresh=False) as made:
        await made.has_folded(5)
        await builder(made).look(Heartbeat())
        asked = (
            "SELECT number, state, paused, created_at, number = pointer.model FROM model, pointer"
        )
        found = await (await made.conn.execute(asked)).fetchall()
        assert [(row[0], row[1], row[4]) for row in found] == [(1, "following", True)]
        assert len(await catalog.models(made.conn)) == 2
