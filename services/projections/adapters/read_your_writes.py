"""Wait until the live model includes the position that a reader has seen (D6)."""

import asyncio
import re
from contextlib import suppress
from typing import Final

from services.projections.domain.positions import Checkpoint
from services.projections.storage import live_model
from shared.plumbing.postgres import Pool
from shared.plumbing.problems import ProblemError

_POSITION: Final = re.compile(r"^(\d{1,9})\.(\d{1,4})-(\d{1,18})$")
_LOOK_AGAIN_SECONDS: Final = 0.05  # another process may fold the partition


class ReadYourWrites:
    """Waits for `min_position`."""

    def __init__(self, pool: Pool, moved: asyncio.Condition, seconds: float) -> None:
        self._pool = pool
        self._folded = moved
        self._seconds = seconds

    async def reach(self, min_position: str | None) -> dict[int, Checkpoint]:
        """The checkpoints, once they include it; ProblemError `position_not_reached` otherwise."""
        wanted = _parsed(min_position)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                while True:
                    async with self._pool.connection() as conn:
                        checkpoints = await live_model.live_checkpoints(conn)
                    if all(_reached(checkpoints, *position) for position in wanted):
                        return checkpoints
                    await self._moved()
        code = "position_not_reached"
        raise ProblemError(code, headers={"Retry-After": "1"})

    async def _moved(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS), self._folded:
                await self._folded.wait()


def written(checkpoints: dict[int, Checkpoint]) -> str:
    """The checkpoints as `X-Position` writes them."""
    return ",".join(
        f"{each.epoch}.{partition}-{each.log_id}" for partition, each in checkpoints.items()
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


def _reached(checkpoints: dict[int, Checkpoint], epoch: int, partition: int, log_id: int) -> bool:
    each = checkpoints.get(partition)
    return each is not None and (each.epoch, each.log_id) >= (epoch, log_id)
