"""One OS process of a race: writers over shared streams and claims, until the time is up.

Each event says in `by` what its whole command brought; the log alone is the ledger (`verify.py`).
Run: python -m tests.tickets.store.racing URL SEED SECONDS WRITERS
"""

import asyncio
import json
import random
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from services.tickets.storage.contract import Claim, Expectation, Stale, Stored, Taken, TimerSet
from tests.tickets.store.events import Opened
from tests.tickets.store.stores import Opening, a_command, a_stream, opened

STREAMS = [uuid5(NAMESPACE_OID, f"stream {n}") for n in range(12)]
CLAIMS = [b"claim %d" % n for n in range(12)]
TASKS_PER_WRITER = 3


def timer_of(command: UUID) -> UUID:
    return uuid5(command, "timer")


class UnexpectedVerdictError(Exception):
    """A race gives stored, stale or taken, nothing else."""


@dataclass
class Racer:
    """One caller; it remembers versions and its own claim, and is often wrong about versions."""

    opening: Opening
    random: random.Random
    versions: dict[UUID, int]
    held: Claim | None = None
    stored: int = 0
    refused: int = 0

    async def turn(self) -> None:
        command = uuid4()
        written = self.random.sample(STREAMS, self.random.randint(1, 3))
        read = written.pop() if len(written) > 1 and self.random.random() < 0.5 else None
        take = None
        if self.held is None and self.random.random() < 0.5:
            take = Claim("shared", self.random.choice(CLAIMS), command.bytes)
        release = self.held if self.held and self.random.random() < 0.5 else None
        counts = {stream: self.random.randint(1, 3) for stream in written}
        told: dict[str, Any] = {
            "command": str(command),
            "total": sum(counts.values()),
            "take": take and take.key.decode(),
            "release": release and [release.key.decode(), release.value.hex()],
            "read": read and [str(read), self.versions.get(read, 0)],
        }
        by = json.dumps(told)
        expectations = [
            Expectation(
                a_stream(stream), self.versions.get(stream, 0), (Opened(by=by),) * counts[stream]
            )
            for stream in written
        ]
        if read:
            expectations.append(Expectation(a_stream(read), self.versions.get(read, 0)))
        verdict = await self.opening.store.append(
            a_command(
                *expectations,
                take=[Claim("item", command.bytes, command.bytes), *([take] if take else [])],
                release=[release] if release else [],
                timers=[TimerSet(timer_of(command), written[0], "race", datetime.now(UTC))],
                outcome=b"ok",
                command=command,
            )
        )
        self._learn(verdict, counts, take, release)
        if isinstance(verdict, Stale):
            self.versions[verdict.stream] = verdict.version

    def _learn(
        self, verdict: object, counts: dict[UUID, int], take: Claim | None, release: Claim | None
    ) -> None:
        if isinstance(verdict, Stored):
            self.stored += 1
            for stream, count in counts.items():
                self.versions[stream] = self.versions.get(stream, 0) + count
            self.held = take or (None if release else self.held)
            return
        self.refused += 1
        if not isinstance(verdict, Stale | Taken):
            raise UnexpectedVerdictError(verdict)


async def race(url: str, seed: int, seconds: float, writers: int) -> None:
    async with AsyncExitStack() as stack:
        openings = [
            await stack.enter_async_context(opened(url, deadline_seconds=60))
            for _ in range(writers)
        ]
        racers = [
            Racer(opening, random.Random(seed * 100 + n), {})  # noqa: S311  a seed, not a secret
            for n, opening in enumerate(openings * TASKS_PER_WRITER)
        ]
        sys.stdout.write("started\n")
        sys.stdout.flush()
        end = monotonic() + seconds
        await asyncio.gather(*(until(end, racer) for racer in racers))
        stored, refused = sum(r.stored for r in racers), sum(r.refused for r in racers)
        sys.stdout.write(json.dumps({"stored": stored, "refused": refused}) + "\n")


async def until(end: float, racer: Racer) -> None:
    while monotonic() < end:
        await racer.turn()


if __name__ == "__main__":
    asyncio.run(race(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
