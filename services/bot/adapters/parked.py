"""Where do messages wait that could not be taken? As an operator skips them, none is missed."""

from shared.plumbing import sequence
from shared.plumbing.kafka.headers import UnreadableHeadersError, from_headers
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import Sealer


class ParkedMessages(Parking):
    """The parking place; what is skipped is not fetched from the feed by the next version."""

    def __init__(self, pool: Pool, sealer: Sealer, service: str) -> None:
        super().__init__(pool, sealer, service)
        self._rows = pool

    async def skip(self, seq: int) -> None:
        """Give it up, and its version."""
        content = await self.show(seq)
        try:
            envelope = from_headers(
                (name, value.encode()) for name, value in content.headers.items()
            )
        except UnreadableHeadersError:
            envelope = None
        if envelope is not None and envelope.stream and envelope.version:
            async with self._rows.connection() as conn:
                await sequence.pass_over(conn, envelope.stream, envelope.version)
        await super().skip(seq)
