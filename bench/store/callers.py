"""Concurrent callers, each waiting for its own commit, against async inserts on 16 connections."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import LiteralString
from uuid import uuid4

import psycopg

from bench.harness import Connection, Row, in_turns, middle, p99, run_on_database
from bench.store import subject
from services.tickets.storage.contract import Stored

CONNECTIONS, SAVES, ROUNDS = 16, 4000, 4


class Callers:
    """Runs `save` with so many callers; rates by round, latencies of all rounds."""

    def __init__(self, callers: int, save: Callable[[], Awaitable[None]]) -> None:
        self.callers = callers
        self.save = save
        self.latencies: list[float] = []

    async def run(self) -> float:
        started = perf_counter()
        await asyncio.gather(*(self._caller() for _ in range(self.callers)))
        return SAVES / (perf_counter() - started)

    async def _caller(self) -> None:
        for _ in range(SAVES // self.callers):
            started = perf_counter()
            await self.save()
            self.latencies.append(perf_counter() - started)


class Bare:
    """One insert on whichever of the connections is free."""

    def __init__(
        self, connections: Sequence[Connection], statement: LiteralString = subject.INSERT_ONE
    ) -> None:
        self._statement: LiteralString = statement
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in connections:
            self._free.put_nowait(connection)

    async def save(self) -> None:
        connection = await self._free.get()
        cursor = connection.cursor(binary=True)
        await cursor.execute(self._statement, subject.a_bare_row(), prepare=True)
        self._free.put_nowait(connection)


async def measure(url: str) -> Sequence[Row]:
    subject.make_bare(url)
    rows: list[Row] = []
    connections = [
        await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(CONNECTIONS)
    ]
    async with subject.a_store(url) as store:

        async def save() -> None:
            assert isinstance(await store.append(subject.a_command(uuid4())), Stored)  # noqa: S101

        for count, bar in ((16, 0.6), (64, 1.5)):
            floor, ours = Callers(count, Bare(connections).save), Callers(count, save)
            bare, mine = await in_turns(ROUNDS, floor.run, ours.run)
            rows.append(Row(f"{count} callers, saves/s", middle(bare), middle(mine), bar))
            late = [1000 * p99(side.latencies) for side in (floor, ours)]
            rows.append(Row(f"{count} callers, p99 ms", late[0], late[1], 2.0, "<="))
    for connection in connections:
        await connection.close()
    return rows[:1] + rows[2:]


if __name__ == "__main__":
    run_on_database(measure)
