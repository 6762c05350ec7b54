"""Park messages of `tickets.events`, with the versions of their streams.

Whoever counts versions would fetch a skipped message from the feed once more, as the gap before its
successor (protocols.md 4).
"""

from typing import Final
from uuid import UUID

from shared.plumbing import sequence
from shared.plumbing.kafka.headers import UnreadableHeadersError, from_headers
from shared.plumbing.parking import ParkedContent, Parking

_EARLIER: Final = """
SELECT min(older.seq) FROM parked AS older
JOIN parked AS one ON (older.topic, older.key) = (one.topic, one.key) AND older.seq < one.seq
WHERE one.seq = %s
"""


class VersionMissingError(Exception):
    """The feed does not have a version that a later one proves: its key is held."""


class EarlierParkedError(Exception):
    """An earlier one of its key waits; its version would count as passed, too."""

    def __init__(self, first: int) -> None:
        super().__init__(first)
        self.first = first


class ParkedVersions(Parking):
    """The parking place; what an operator skips is not missed by the next version."""

    async def skip(self, seq: int) -> None:
        """Give it up, and its version; raises NotParkedError, EarlierParkedError."""
        stream = _stream(await self.show(seq))
        if stream is not None:
            async with self._pool.connection() as conn:
                found = await (await conn.execute(_EARLIER, (seq,))).fetchone()
                if found is not None and found[0] is not None:
                    raise EarlierParkedError(found[0])
                await sequence.pass_over(conn, *stream)
        await super().skip(seq)


def _stream(content: ParkedContent) -> tuple[UUID, int] | None:
    """Which version of which stream it is, when its headers say so."""
    try:
        envelope = from_headers((name, value.encode()) for name, value in content.headers.items())
    except UnreadableHeadersError:
        return None
    if envelope.stream is None or not envelope.version:
        return None
    return envelope.stream, envelope.version
