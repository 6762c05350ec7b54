"""Read from the live model, limited to one account (D6, D9)."""

from typing import Final
from uuid import UUID

from services.projections.domain.positions import Checkpoint
from services.projections.read_models.read_model import Connection
from services.projections.storage import checkpoints

# Readers hold it, shared, for as long as they read: nobody reads the old model after the switch.
_READING: Final = "SELECT pg_advisory_xact_lock_shared(hashtextextended('guiche.pointer', 0))"
_AT_LIVE: Final = """
SELECT set_config('search_path', 'rm_v' || pointer.model || ',projections', true) FROM pointer
"""
_AS_READER: Final = (
    "SELECT set_config('guiche.account', %s, true),"
    " set_config('role', 'guiche_projections_reader', true)"
)
_ALONE: Final = (
    "SELECT set_config('lock_timeout', '300ms', true),"
    " pg_advisory_xact_lock(hashtextextended('guiche.pointer', 0))"
)


async def at_live(conn: Connection) -> None:
    """For this transaction: the tables that readers see, and no switch until it ends."""
    await conn.execute(_READING)  # a statement before: the next one sees what it waited for
    await conn.execute(_AT_LIVE)


async def as_reader(conn: Connection, account: UUID) -> None:
    """For this transaction: the live model, and a role that sees one account, and which (D9)."""
    async with conn.pipeline():  # one round trip
        await at_live(conn)
        await conn.execute(_AS_READER, (str(account),))


async def live_checkpoints(conn: Connection) -> dict[int, Checkpoint]:
    """How far the model is that readers see; it is not dropped between two statements."""
    async with conn.pipeline():
        await at_live(conn)
        return await checkpoints.load(conn)


async def without_readers(conn: Connection) -> None:
    """Wait until nobody reads, and let nobody begin until the transaction ends; 300 ms at most."""
    await conn.execute(_ALONE)
