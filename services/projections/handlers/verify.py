"""Compare two models where both have folded the same events, to the last byte.

The live model goes on meanwhile: one snapshot of it is compared. The other one stands still, and is
brought to where the snapshot is, out of the feed.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, AsyncServerCursor, IsolationLevel, sql

from services.projections.domain.positions import Checkpoint, behind
from services.projections.handlers.ports import Delivery, LogFeed
from services.projections.handlers.rebuild import ModelParts
from services.projections.read_models.read_model import Connection, Table
from services.projections.storage import checkpoints, schemas
from services.projections.storage import models as catalog
from services.projections.storage.models import BehindLiveError, OtherFormError

SHOWN: Final = 10  # differences of each table
_CHUNK: Final = 2_000
_PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05

_VERSIONS: Final = Table("stream_version", key="stream::text")
_CHECKSUM: Final = """
SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)
FROM {schema}.{table} AS t WHERE {compared}
"""
_ROWS: Final = """
SELECT ({key}) COLLATE "C" AS key, t::text FROM {schema}.{table} AS t WHERE {compared} ORDER BY 1
"""


@dataclass(slots=True)
class Comparison:
    """How many rows of a table stand in each model, and the first that differ.

    A difference is the key of the row, and what differs: only in one model, or in both, differing.
    """

    table: str
    rows: tuple[int, int]
    differences: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


@asynccontextmanager
async def stands_still(conn: Connection, number: int) -> AsyncGenerator[None]:
    """For the block nobody but a verification folds this model; one that died is taken over."""
    await catalog.change(conn, number, "verifying", "following", "verifying")
    await catalog.fence(conn, number)
    try:
        yield
    finally:
        await catalog.change(conn, number, "following", "verifying")


async def compare(
    url: str, live: int, other: int, made: ModelParts, feed: LogFeed
) -> list[Comparison]:
    """All tables of the live model and of one that stands still.

    `made` folds the one that stands still. Raises BehindLiveError, and OtherFormError when a model
    has not the form of this program.
    """
    async with (
        await AsyncConnection.connect(url, autocommit=True) as now,
        await AsyncConnection.connect(url, autocommit=True) as then,
    ):
        await _same_form(now, made, live, other)
        await _passed(now, live, other)
        await then.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        async with then.transaction():
            snapshot = await checkpoints.of_model(then, live)
            await _bring(made, feed, await checkpoints.of_model(now, other), snapshot)
            return [await _table(then, live, now, other, table) for table in _tables(made)]


def _tables(made: ModelParts) -> list[Table]:
    return [*(table for model in made.read_models for table in model.tables), _VERSIONS]


async def _same_form(conn: Connection, made: ModelParts, *numbers: int) -> None:
    form = schemas.form(made.read_models)
    for model in await catalog.models(conn):
        if model.number in numbers and model.form != form:
            raise OtherFormError(model.number)


async def _passed(conn: Connection, live: int, other: int) -> None:
    """Return when the live model has everything that the other one has."""
    wanted, deadline = await checkpoints.of_model(conn, other), monotonic() + _PATIENCE_SECONDS
    while late := behind(await checkpoints.of_model(conn, live), wanted):
        if monotonic() > deadline:
            raise BehindLiveError(late)
        await asyncio.sleep(_LOOK_SECONDS)


async def _bring(
    made: ModelParts,
    feed: LogFeed,
    reached: Mapping[int, Checkpoint],
    wanted: Mapping[int, Checkpoint],
) -> None:
    """Fold what each partition lacks, and not more."""
    late = behind(reached, wanted)
    if not late:
        return
    after = min(reached[partition].log_id for partition in late)
    until = max(wanted[partition].log_id for partition in late)
    while after < until:
        page = await feed.after(after, _CHUNK)
        lacking = [each for each in page.deliveries if _within(each, wanted)]
        if lacking:
            await made.processor.process(lacking, told=False)
        after = page.next_after
        if page.last:
            return


def _within(delivery: Delivery, wanted: Mapping[int, Checkpoint]) -> bool:
    return delivery.progress.log_id <= wanted[delivery.progress.partition].log_id


async def _table(
    left: Connection, live: int, right: Connection, other: int, table: Table
) -> Comparison:
    one, two = await _checksum(left, live, table), await _checksum(right, other, table)
    found = Comparison(table.name, (one[0], two[0]))
    if one != two:
        found.differences = await _differences(left, live, right, other, table)
    return found


async def _checksum(conn: Connection, number: int, table: Table) -> tuple[int, int]:
    row = await (await conn.execute(_statement(_CHECKSUM, number, table))).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


async def _differences(
    left: Connection, live: int, right: Connection, other: int, table: Table
) -> list[tuple[str, str]]:
    """The first rows that differ, in the order of what names them."""
    found: list[tuple[str, str]] = []
    async with (
        _rows(left, _statement(_ROWS, live, table)) as one,
        _rows(right, _statement(_ROWS, other, table)) as two,
    ):
        while len(found) < SHOWN and (one.row is not None or two.row is not None):
            if two.row is None or (one.row is not None and one.row[0] < two.row[0]):
                found.append((one.key, f"only in model {live}"))
                await one.next()
            elif one.row is None or two.row[0] < one.row[0]:
                found.append((two.key, f"only in model {other}"))
                await two.next()
            else:
                if one.row[1] != two.row[1]:
                    found.append((one.key, "differs"))
                await one.next()
                await two.next()
    return found


class _Rows:
    """Rows of a table, one after another, out of a cursor on the server."""

    def __init__(self, cursor: AsyncServerCursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor
        self.row: Sequence[Any] | None = None

    @property
    def key(self) -> str:
        """What names the row."""
        return "" if self.row is None else self.row[0]

    async def next(self) -> None:
        """Go to the next one; `row` is None behind the last."""
        self.row = await self._cursor.fetchone()


@asynccontextmanager
async def _rows(conn: Connection, statement: sql.Composed) -> AsyncGenerator[_Rows]:
    async with conn.transaction(), conn.cursor("rows") as cursor:
        await cursor.execute(statement)
        rows = _Rows(cursor)
        await rows.next()
        yield rows


def _statement(text: LiteralString, number: int, table: Table) -> sql.Composed:
    return sql.SQL(text).format(
        schema=sql.Identifier(schemas.schema(number)),
        table=sql.Identifier(table.name),
        key=sql.SQL(table.key),
        compared=sql.SQL(table.compared),
    )
