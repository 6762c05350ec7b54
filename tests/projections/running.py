"""Read models on a database of their own, fed by a log that the test holds."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from psycopg import AsyncConnection, sql

from services.projections.domain.events import Event
from services.projections.domain.positions import Checkpoint
from services.projections.handlers.project import Project
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.storage import checkpoints, schemas
from services.projections.storage import models as catalog
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.kafka import Producer
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.settings import CommonSettings
from tests.support.stack import Postgres

TABLES = tuple(table.name for model in READ_MODELS for table in model.tables)


class FeedOf:
    """The feed of a log that a test holds."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    async def stream(self, stream: UUID, from_version: int) -> Sequence[Event]:
        return [e for e in self._events if e.stream == stream and e.version >= from_version]


@asynccontextmanager
async def models(
    postgres: Postgres, events: Sequence[Event] = (), read_models: ReadModels = READ_MODELS
) -> AsyncGenerator[tuple[Project, Pool]]:
    url = postgres.service_url(postgres.new_database(), "projections")
    async with await AsyncConnection.connect(url, autocommit=True) as conn:
        assert await catalog.remake_if_empty(conn, read_models)
    pool = make_pool(schemas.address(url, 1), min_size=1, max_size=4)
    await pool.open()
    async with pool.connection() as conn:
        numbers = range(TICKETS_EVENTS.partitions)
        await checkpoints.move(conn, [Checkpoint(n, 1, 0, kafka_offset=0) for n in numbers])
    outbox = Outbox(pool, Producer(CommonSettings()))
    try:
        yield Project(pool, outbox, FeedOf(events), read_models=read_models), pool
    finally:
        await pool.close()


async def dump(pool: Pool) -> dict[str, list[str]]:
    async with pool.connection() as conn:
        return {
            table: [row[0] for row in await (await conn.execute(_rows_as_text(table))).fetchall()]
            for table in TABLES
        }


def _rows_as_text(table: str) -> sql.Composed:
    return sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(table))
