"""Decide what to do with a message of `tickets.events` by the last version of its stream.

It runs inside the caller's transaction: the version is stored with the effect (protocols.md 4).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection

from shared.plumbing import metrics

FIRST_VERSION: Final = 1
GAPS_SEEN: Final = metrics.counter(
    "version_gaps", "Versions that were missing and fetched from the feed"
)

_SEED: Final = """
INSERT INTO stream_version (stream, version)
SELECT wanted, %s FROM unnest(%s::uuid[]) AS wanted ORDER BY wanted ON CONFLICT (stream) DO NOTHING
"""
_LOCK: Final = """
SELECT stream, version FROM stream_version WHERE stream = ANY(%s) ORDER BY stream FOR UPDATE
"""
LAST: Final = "SELECT stream, version FROM stream_version WHERE stream = ANY(%b)"
"""Takes a list of streams; for who holds a lock that keeps all others off them, then `verdicts`."""
_ADVANCE: Final = """
INSERT INTO stream_version AS held (stream, version)
SELECT * FROM unnest(%b::uuid[], %b::bigint[]) AS new (stream, version) ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET version = greatest(held.version, excluded.version)
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """Versions from `from_version` on are missing: fetch them by stream, or hold the key."""

    from_version: int


Verdict: TypeAlias = Literal["drop", "apply"] | Gap
DROP: Final = "drop"
APPLY: Final = "apply"


async def judge(conn: AsyncConnection[Any], items: Sequence[tuple[UUID, int]]) -> list[Verdict]:
    """A verdict for each (stream, version), as if those before it that may be applied had been.

    Locks the streams until the transaction ends, in the order of their ids: a zombie after a
    rebalance waits here, and then finds that it is late.
    """
    streams = sorted({stream for stream, _ in items})
    await conn.execute(_SEED, (FIRST_VERSION - 1, streams))
    found = await conn.execute(_LOCK, (streams,))
    return verdicts(dict(await found.fetchall()), items)


def verdicts(stored: Mapping[UUID, int], items: Iterable[tuple[UUID, int]]) -> list[Verdict]:
    """A verdict for each (stream, version) over the versions stored; no version: a new stream."""
    last = defaultdict[UUID, int](lambda: FIRST_VERSION - 1, stored)
    return [_verdict(last, stream, version) for stream, version in items]


def _verdict(last: dict[UUID, int], stream: UUID, version: int) -> Verdict:
    if version <= last[stream]:
        return DROP
    if version > last[stream] + 1:
        return Gap(last[stream] + 1)
    last[stream] = version
    return APPLY


async def advance(conn: AsyncConnection[Any], items: Iterable[tuple[UUID, int]]) -> None:
    """Store what was applied; never back."""
    highest: dict[UUID, int] = {}
    for stream, version in items:
        highest[stream] = max(version, highest.get(stream, version))
    await conn.execute(_ADVANCE, (list(highest), list(highest.values())))


async def pass_over(conn: AsyncConnection[Any], stream: UUID, version: int) -> None:
    """An operator gives a version up: its successor is the next."""
    await judge(conn, [(stream, version)])
    await advance(conn, [(stream, version)])
