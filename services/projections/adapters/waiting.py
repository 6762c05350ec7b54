"""Is the read model where the reader has been? Waits a moment, then says no (D6)."""

import asyncio
import re
from contextlib import suppress
from typing import Final

from services.projections.adapters import pointer
from services.projections.handlers.ports import Place
from shared.plumbing.postgres import Pool
from shared.plumbing.problems import ProblemError

_POSITION: Final = re.compile(r"^(\d{1,9})\.(\d{1,4})-(\d{1,18})$")
_LOOK_AGAIN_SECONDS: Final = 0.05  # another process may fold the partition


class Waiting:
    """Waits for `min_position`."""

    def __init__(self, pool: Pool, moved: asyncio.Condition, seconds: float) -> None:
        self._pool = pool
        self._folded = moved
        self._seconds = seconds

    async def reach(self, min_position: str | None) -> dict[int, Place]:
        """The places, once they include it; ProblemError `position_not_reached` otherwise."""
        wanted = _parsed(min_position)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                while True:
                    async with self._pool.connection() as conn:
                        places = await pointer.live_places(conn)
                    if all(_reached(places, *position) for position in wanted):
                        return places
                    await self._moved()
        code = "position_not_reached"
        raise ProblemError(code, headers={"Retry-After": "1"})

    async def _moved(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS), self._folded:
                await self._folded.wait()


def written(places: dict[int, Place]) -> str:
    """The places as `X-Position` writes them."""
    return ",".join(
        f"{place.epoch}.{partition}-{place.log_id}" for partition, place in places.items()
    )


def _parsed(min_position: str | None) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for part in (min_position or "").split(","):
        if not part.strip():
            continue
        match = _POSITION.match(part.strip())
        if match is None:
            code = "invalid_request"
            raise ProblemError(code, field="min_position")
        found.append((int(match[1]), int(match[2]), int(match[3])))
    return found


def _reached(places: dict[int, Place], epoch: int, partition: int, log_id: int) -> bool:
    place = places.get(partition)
    return place is not None and (place.epoch, place.log_id) >= (epoch, log_id)
