"""Checkpoints: one row per partition, stored in the transaction of the rows."""

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from services.projections.domain.positions import Checkpoint
from services.projections.read_models import ReadModels
from services.projections.read_models.read_model import Connection, columns
from services.projections.storage import schemas

LOCK: Final = """
SELECT partition, epoch, log_id, kafka_offset, follow_from, last_event FROM position
WHERE partition = ANY(%b::int[]) ORDER BY partition FOR UPDATE
"""
_ALL: Final = """
SELECT partition, epoch, log_id, kafka_offset, follow_from, last_event FROM position
ORDER BY partition
"""
_OF_MODEL: Final = """
SELECT partition, epoch, log_id, kafka_offset, follow_from, last_event FROM {}.position
ORDER BY partition {}
"""
_MOVE: Final = """
INSERT INTO position (partition, epoch, log_id, kafka_offset, follow_from, last_event)
SELECT * FROM unnest(%b::int[], %b::int[], %b::bigint[], %b::bigint[], %b::timestamptz[],
    %b::bigint[])
ON CONFLICT (partition) DO UPDATE SET epoch = excluded.epoch, log_id = excluded.log_id,
    kafka_offset = excluded.kafka_offset, follow_from = excluded.follow_from,
    last_event = excluded.last_event
"""
_LOCK_TABLE: Final = "LOCK TABLE position IN ACCESS EXCLUSIVE MODE"  # after who folds
_OLDER: Final = "SELECT EXISTS (SELECT FROM position WHERE epoch < %s)"


async def lock(conn: Connection, partitions: Sequence[int]) -> dict[int, Checkpoint]:
    """The checkpoints of these partitions, locked in order."""
    cursor = await conn.execute(LOCK, (list(partitions),))
    return by_partition(await cursor.fetchall())


async def load(conn: Connection) -> dict[int, Checkpoint]:
    """The checkpoints of all partitions; none before the first start."""
    return by_partition(await (await conn.execute(_ALL)).fetchall())


async def of_model(conn: Connection, number: int, *, lock: bool = False) -> dict[int, Checkpoint]:
    """How far a model is; `lock` keeps all others from folding it."""
    for_update = sql.SQL("FOR UPDATE" if lock else "")
    model = sql.Identifier(schemas.schema(number))
    cursor = await conn.execute(sql.SQL(_OF_MODEL).format(model, for_update))
    return by_partition(await cursor.fetchall())


async def move(conn: Connection, moved: Sequence[Checkpoint]) -> None:
    """Store the checkpoints."""
    if moved:
        await conn.execute(_MOVE, columns([_columns_of(each) for each in moved]))


async def forget(conn: Connection, epoch: int, read_models: ReadModels) -> bool:
    """Empty the model, parked events too. False: it is of this epoch already.

    Two processes may learn of an epoch; the second one must not empty what the first has built.
    """
    await conn.execute(_LOCK_TABLE)
    older = await (await conn.execute(_OLDER, (epoch,))).fetchone()
    if older is None or not older[0]:
        return False
    await schemas.truncate(conn, read_models)
    return True


def by_partition(rows: Sequence[Sequence[object]]) -> dict[int, Checkpoint]:
    """The rows of a query for checkpoints."""
    found = [Checkpoint(*row) for row in rows]  # pyright: ignore[reportArgumentType]
    return {each.partition: each for each in found}


def _columns_of(each: Checkpoint) -> tuple[object, ...]:
    return (
        each.partition,
        each.epoch,
        each.log_id,
        each.kafka_offset,
        each.follow_from,
        each.last_event,
    )
