"""Load the rows that a batch touches and store them, one round trip each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.domain.positions import Checkpoint
from services.projections.read_models import ReadModels
from services.projections.read_models.read_model import Batch, Connection, States
from services.projections.storage import checkpoints
from shared.plumbing import sequence

State = Literal["building", "following", "verifying"]
"""Who folds a model: a rebuild, the service, or a verification; never two of them."""

# Not waiting for the disk loses nothing: rows, checkpoint and changes are lost together, and what
# was parked before them comes again. A crash of the server costs some folding.
_LAZILY: Final = "SET LOCAL synchronous_commit = off"
_MODEL: Final = """
SELECT state, form, number = (SELECT model FROM pointer) FROM models
WHERE 'rm_v' || number = current_schema()
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What stands in the database before a batch."""

    state: State | None  # of the model, read after its checkpoints were locked; None: dropped
    form: str | None
    live: bool
    checkpoints: dict[int, Checkpoint]
    versions: dict[UUID, int]  # of each known stream, the last
    states: States


async def load(
    conn: Connection, read_models: ReadModels, events: Sequence[Event], partitions: Sequence[int]
) -> Loaded:
    """All that folding these events needs; locks the checkpoints of these partitions."""
    streams = list({event.stream for event in events})
    async with conn.pipeline():
        await conn.execute(_LAZILY)
        locked = await conn.execute(checkpoints.LOCK, (list(partitions),))
        model = await conn.execute(_MODEL)  # after the locks: a switch holds all of them
        versions = await conn.execute(sequence.LAST, (streams,))
        reads = [await each.load(conn, events) for each in read_models]
        state, form, live = await model.fetchone() or (None, None, False)
        found = checkpoints.by_partition(await locked.fetchall())
        last = dict(await versions.fetchall())
        states = States()
        for read in reads:
            states.put(await read(states))
    return Loaded(state, form, live, found, last, states)


async def save(conn: Connection, read_models: ReadModels, batch: Batch) -> None:
    """Store the rows that changed, and the last version of each stream."""
    for model in read_models:
        await model.save(conn, batch.before.of(model.rows), batch.after.of(model.rows))
    await sequence.advance(conn, [(event.stream, event.version) for event in batch.events])


async def is_live(conn: Connection) -> bool:
    """Whether readers see the model that is in front on the search path."""
    row = await (await conn.execute(_MODEL)).fetchone()
    return row is not None and row[2]
