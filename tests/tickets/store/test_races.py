"""Two OS processes over shared streams and claims, and a reader at the tail of the log."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from uuid import uuid4

import pytest

from services.tickets.storage.contract import Claim, Command, Stale, Stored, Taken, Verdict
from tests.support.waiting import until
from tests.tickets.store import verify
from tests.tickets.store.stores import (
    Opening,
    a_claim,
    a_command,
    a_stream,
    in_one_call,
    opened,
    writes,
)

SECONDS = 3.0
pytestmark = pytest.mark.timeout(240)


async def start(url: str, seed: int, writers: int) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.tickets.store.racing"),
        *(url, str(seed), str(SECONDS), str(writers)),
        stdout=PIPE,
    )


async def started(process: Process) -> None:
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 100)) == b"started\n"


async def ledger(process: Process) -> dict[str, int]:
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0
    return json.loads(out)


async def tail(opening: Opening, running: asyncio.Event) -> list[int]:
    """Ids as a relay sees them: above the last one, until the log stands still at the end."""
    seen: list[int] = []
    while True:
        over = running.is_set()
        found = await opening.store.log(seen[-1] if seen else 0, 100)
        seen += [event.log_id for event in found]
        if over and not found:
            return seen


async def test_two_processes_leave_no_half_command_doubled_claim_or_version_hole(url: str) -> None:
    processes = [await start(url, seed, 1) for seed in (1, 2)]
    await asyncio.gather(*(started(process) for process in processes))
    first, second = await asyncio.gather(*(ledger(process) for process in processes))
    assert verify.faults(url) == []
    assert min(first["stored"], second["stored"]) > 50
    assert first["refused"] + second["refused"] > 50


async def test_a_tail_reader_misses_nothing_under_eight_writers_in_two_processes(
    url: str, opening: Opening
) -> None:
    over = asyncio.Event()
    reading = asyncio.create_task(tail(opening, over))
    processes = [await start(url, seed, 4) for seed in (3, 4)]
    await asyncio.gather(*(started(process) for process in processes))
    ledgers = await asyncio.gather(*(ledger(process) for process in processes))
    over.set()
    assert await reading == verify.log_ids(url)
    assert verify.faults(url) == []
    assert sum(one["refused"] for one in ledgers) > 50


async def test_a_process_killed_in_the_race_leaves_nothing_half_done(
    url: str, opening: Opening
) -> None:
    over = asyncio.Event()
    reading = asyncio.create_task(tail(opening, over))
    killed, living = [await start(url, seed, 4) for seed in (5, 6)]
    await asyncio.gather(started(killed), started(living))

    async def well_under_way() -> bool:
        return await opening.store.head() >= 100

    await until(well_under_way)
    killed.send_signal(signal.SIGKILL)
    assert await killed.wait() == -signal.SIGKILL
    await ledger(living)
    over.set()
    assert await reading == verify.log_ids(url)
    assert verify.faults(url) == []


class Album:
    """Two messages of one contact, both decided on the same state: no open ticket yet."""

    def __init__(self) -> None:
        self.conversation, self.open_ticket = a_stream(), uuid4().bytes
        self.tickets = [a_stream(), a_stream()]

    def message(self, number: int) -> Command:
        ticket = self.tickets[number]
        return a_command(
            writes(self.conversation, 0, by="message"),
            writes(ticket, 0, by="ticket"),
            take=[
                Claim("open_ticket", self.open_ticket, ticket.id.bytes),
                a_claim("item", value=ticket.id.bytes),
            ],
        )

    async def faults(self, opening: Opening, verdicts: list[Verdict]) -> list[str]:
        if sorted(type(verdict) is Stored for verdict in verdicts) != [False, True]:
            return [f"not one stored: {verdicts}"]
        winner = next(n for n, verdict in enumerate(verdicts) if isinstance(verdict, Stored))
        if not isinstance(verdicts[1 - winner], Stale | Taken):
            return [f"the loser does not learn why: {verdicts}"]
        streams = [self.conversation.id, *(ticket.id for ticket in self.tickets)]
        found = await opening.store.load([(stream, 0) for stream in streams])
        counts = [len(found[stream]) for stream in streams]
        expected = [1, int(winner == 0), int(winner == 1)]
        held = await opening.store.holders(a_command().account, [("open_ticket", self.open_ticket)])
        if counts != expected or list(held.values()) != [self.tickets[winner].id.bytes]:
            return [f"orphans: {counts}, {held}"]
        return []


async def test_an_album_opens_one_ticket_in_sequence_and_in_one_batch(opening: Opening) -> None:
    album = Album()
    verdicts = [await opening.store.append(album.message(n)) for n in (0, 1)]
    assert await album.faults(opening, verdicts) == []
    album = Album()
    first, second = await in_one_call(opening, album.message(0), album.message(1))
    assert isinstance(first, Stored)
    assert second is None  # again
    verdicts = [first, await opening.store.append(album.message(1))]
    assert await album.faults(opening, verdicts) == []


async def test_300_albums_at_once_on_two_connections_open_one_ticket_each(
    opening: Opening, url: str
) -> None:
    async with opened(url) as other:
        albums = [Album() for _ in range(300)]
        verdicts = await asyncio.gather(
            *(opening.store.append(album.message(0)) for album in albums),
            *(other.store.append(album.message(1)) for album in albums),
        )
        pairs = zip(albums, verdicts[:300], verdicts[300:], strict=True)
        faults = await asyncio.gather(
            *(album.faults(opening, [one, two]) for album, one, two in pairs)
        )
    assert [fault for fault in faults if fault] == []
