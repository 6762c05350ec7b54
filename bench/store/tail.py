"""A tail reader under 12 writers in two processes, with conflicts, one of them killed with -9."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from itertools import pairwise

from bench.harness import Row, run_on_database
from bench.store.subject import no_key
from services.tickets.storage.codec import Codec
from services.tickets.storage.keys import ContactKeys
from services.tickets.storage.loader import Loader
from shared.plumbing.postgres import make_pool
from tests.tickets.store import verify
from tests.tickets.store.events import EVENTS

WRITERS_EACH, SECONDS, KILL_AFTER_EVENTS = 6, 6, 300


async def racer(url: str, seed: int) -> Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.tickets.store.racing"),
        *(url, str(seed), str(SECONDS), str(WRITERS_EACH)),
        stdout=PIPE,
    )
    assert process.stdout is not None  # noqa: S101
    await process.stdout.readline()
    return process


async def tail(loader: Loader, over: asyncio.Event) -> list[int]:
    seen: list[int] = []
    while True:
        last = over.is_set()
        found = await loader.log(seen[-1] if seen else 0, 500)
        seen += [event.log_id for event in found]
        if last and not found:
            return seen


async def raced(url: str, loader: Loader) -> list[int]:
    over = asyncio.Event()
    reading = asyncio.create_task(tail(loader, over))
    killed, living = await asyncio.gather(racer(url, 1), racer(url, 2))
    while await loader.head() < KILL_AFTER_EVENTS and killed.returncode is None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    killed.send_signal(signal.SIGKILL)  # fails when it was not in the middle of its work
    await asyncio.gather(killed.communicate(), living.communicate())
    over.set()
    return await reading


async def measure(url: str) -> Sequence[Row]:
    pool = make_pool(url, min_size=1, max_size=2)
    await pool.open()
    seen = await raced(url, Loader(pool, Codec(EVENTS), ContactKeys(pool, no_key)))
    await pool.close()
    stored = verify.log_ids(url)
    counts = {
        "missed": len(set(stored) - set(seen)),
        "doubled": len(seen) - len(set(seen)),
        "misordered": sum(a > b for a, b in pairwise(seen)),
        "broken promises": len(verify.faults(url)),
    }
    return [
        Row(f"tail reader under 12 writers, {what} of events", len(stored), n, 0, "<=", ratio=n)
        for what, n in counts.items()
    ]


if __name__ == "__main__":
    run_on_database(measure)
