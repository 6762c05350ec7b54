"""Table of Meta apps that may sign webhooks, and their business accounts."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from services.directory.storage.connection import Connection

_PUT: Final = """
INSERT INTO app (id, account_id, waba_ids) VALUES (%s, %s, %s)
ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, waba_ids = excluded.waba_ids
"""
_APPS: Final = "SELECT id, account_id, waba_ids FROM app ORDER BY id"
_DROP_OTHERS: Final = "DELETE FROM app WHERE account_id = %s AND id <> ALL(%s) RETURNING id"


async def put(conn: Connection, id_: str, account_id: UUID, waba_ids: Sequence[str]) -> None:
    """Store a Meta app."""
    await conn.execute(_PUT, (id_, account_id, list(waba_ids)))


async def drop_others(conn: Connection, account_id: UUID, kept: Collection[str]) -> int:
    """Forget the account's apps but these; how many there were."""
    return len(await (await conn.execute(_DROP_OTHERS, (account_id, list(kept)))).fetchall())


async def everything(conn: Connection) -> Sequence[tuple[str, UUID, list[str]]]:
    """Every Meta app: id, account, the business accounts it speaks for."""
    rows = await (await conn.execute(_APPS)).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]
