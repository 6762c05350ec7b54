"""What does a service still have to publish? The rows of its table `outbox`."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import AsyncConnection

_HAS: Final = "SELECT to_regclass('outbox') IS NOT NULL"
_WAITING: Final = """
SELECT count(*), (SELECT headers->>'ce_time' FROM outbox ORDER BY seq LIMIT 1), clock_timestamp()
FROM outbox
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rows, and how long ago what the first of them tells happened (0 without rows)."""

    rows: int
    oldest_seconds: float


def outbox_line(url: str) -> str | None:
    """A line for an operator about the service whose role `url` names; None: it has no outbox."""
    found = asyncio.run(waiting_in_outbox(url))
    if found is None:
        return None
    return f"{found.rows} rows, oldest {found.oldest_seconds:.0f} s"


async def waiting_in_outbox(url: str) -> Waiting | None:
    """What waits in a service's outbox; None when it has none."""
    async with await AsyncConnection.connect(url) as conn:
        has = await (await conn.execute(_HAS)).fetchone()
        if has is None or not has[0]:
            return None
        found = await (await conn.execute(_WAITING)).fetchone()
    if found is None or found[1] is None:
        return Waiting(0, 0.0)
    rows, oldest, now = found
    return Waiting(rows, max(0.0, (now - datetime.fromisoformat(oldest)).total_seconds()))
