"""A full disk: the store waits, goes on when there is room again, and has lost nothing."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from deploy.local.places import Places
from deploy.local.ports import free_port
from deploy.local.postgres import ensure_database, prepare_postgres, wait_for_postgres
from deploy.local.process import Child, end_leftovers
from deploy.postgres.job import apply, service_url
from services.tickets.storage.contract import Command, Stored, StoreError
from shared.plumbing.postgres import TRANSIENT
from tests.support.stack import scratch_places
from tests.support.waiting import until
from tests.tickets.store.stores import Opening, Stream, a_command, a_stream, opened, writes

SIZE = "400m"
LEFT_BYTES = 6_000_000
EVENTS_EACH = 200
PASSWORD = "of-a-test"


class SmallDisk:
    """PostgreSQL on a file system of its own, which can be filled and emptied."""

    def __init__(self, server: Child, url: str, disk: Path) -> None:
        self.server = server
        self.url = url
        self._disk = disk

    def fill(self) -> None:
        free = shutil.disk_usage(self._disk).free
        with (self._disk / "ballast").open("wb") as file:
            file.truncate(0)
            for _ in range((free - LEFT_BYTES) // 1_000_000):
                file.write(b"\1" * 1_000_000)

    def make_room(self) -> None:
        (self._disk / "ballast").unlink()
        if not self.server.alive():  # PostgreSQL gives up when its log has no room
            self.server.start()
        wait_for_postgres(self.url)


@pytest.fixture
def small() -> Iterator[SmallDisk]:
    with scratch_places() as places:
        disk = places.run / "postgres"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "none", str(disk)],
            check=False,
            capture_output=True,
        )
        if mounted.returncode:
            pytest.skip("only who may mount can make a small disk")
        try:
            yield from _served(places, disk)
        finally:
            end_leftovers(places)
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _served(places: Places, disk: Path) -> Iterator[SmallDisk]:
    places.make()
    made = prepare_postgres(places, free_port(), "p", durable=False)
    server = Child(made.spec, places)
    server.start()
    wait_for_postgres(made.url)
    ensure_database(made.url)
    apply(made.url, PASSWORD)
    with psycopg.connect(made.url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET max_wal_size = '64MB'")
        conn.execute("SELECT pg_reload_conf()")
    yield SmallDisk(server, made.url, disk)
    server.kill()


@pytest.mark.timeout(240)
async def test_what_was_acknowledged_is_there_and_the_store_goes_on(small: SmallDisk) -> None:
    url = service_url(small.url, "tickets", PASSWORD)
    async with opened(url) as opening:
        stream = a_stream()
        await _append(opening, stream, 0)
        small.fill()
        version = await _until_full(opening, stream, EVENTS_EACH)
        small.make_room()

        async def goes_on() -> bool:
            return await _goes_on(opening, stream)

        await until(goes_on)
        stored = await opening.store.stream(stream.id, 1, 1_000_000)
        assert [event.version for event in stored] == list(range(1, len(stored) + 1))
        assert len(stored) >= version + EVENTS_EACH


async def _append(opening: Opening, stream: Stream, version: int) -> None:
    command = _command(stream, version)
    assert isinstance(await opening.store.append(command), Stored)


def _command(stream: Stream, version: int) -> Command:
    return a_command(writes(stream, version, EVENTS_EACH, by=secrets.token_hex(1_000)))


async def _until_full(opening: Opening, stream: Stream, version: int) -> int:
    """The version that was acknowledged last."""
    while True:
        try:
            await _append(opening, stream, version)
        except (*TRANSIENT, StoreError):
            return version
        version += EVENTS_EACH


async def _goes_on(opening: Opening, stream: Stream) -> bool:
    """One more command, decided on what is there."""
    with suppress(*TRANSIENT, StoreError):
        there = await opening.store.load([(stream.id, 0)])
        verdict = await opening.store.append(_command(stream, len(there[stream.id])))
        return isinstance(verdict, Stored)
    return False
