"""Operators' verbs for the rows of a service's table `outbox`."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from psycopg import AsyncConnection

from shared.plumbing.cli_output import Row, show_rows

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


def show_outboxes(urls: Mapping[str, str | None], *, as_json: bool) -> None:
    """Those of the services, by the URLs of their roles; who has no outbox is left out."""
    rows: list[Row] = []
    for service, url in urls.items():
        if url and (found := asyncio.run(waiting_in_outbox(url))):
            rows.append({"service": service, **asdict(found)})
    show_rows(
        rows, "{service}: {rows} rows, oldest {oldest_seconds:.0f} s".format_map, as_json=as_json
    )


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
