"""Streams of 1000 and of 10 events, loaded and decoded, against a binary select of the rows."""

from collections.abc import Sequence
from time import perf_counter, process_time
from uuid import UUID, uuid4

import psycopg

from bench.harness import Row, in_turns, middle, run_on_database
from bench.store import subject
from services.tickets.storage.store import EventStore

ROUNDS = 5
SELECT = """
SELECT notification_id, account, originator_id, originator_version, key, topic, state FROM event
WHERE originator_id = %b AND originator_version > %b ORDER BY originator_version
"""


async def a_stream(store: EventStore, length: int) -> UUID:
    stream = uuid4()
    for version in range(length):
        await store.append(subject.a_command(stream, version))
    return stream


async def measure(url: str) -> Sequence[Row]:
    rows: list[Row] = []
    async with subject.a_store(url) as store:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        for length, times, bar, name in (
            (1000, 20, 0.20, "replay 1000 events"),
            (10, 500, 0.40, "load 10 events"),
        ):
            stream = await a_stream(store, length)
            spent: list[float] = []

            async def floor(stream: UUID = stream, times: int = times) -> float:
                started = perf_counter()
                for _ in range(times):
                    cursor = connection.cursor(binary=True)
                    await cursor.execute(SELECT, (stream, 0), prepare=True)
                    await cursor.fetchall()
                return times / (perf_counter() - started)

            async def load(
                stream: UUID = stream,
                times: int = times,
                length: int = length,
                spent: list[float] = spent,
            ) -> float:
                started, used = perf_counter(), process_time()
                for _ in range(times):
                    assert len((await store.load([(stream, 0)]))[stream]) == length  # noqa: S101
                spent.append((process_time() - used) / times / length * 1e6)
                return times / (perf_counter() - started)

            bare, mine = await in_turns(ROUNDS, floor, load)
            rows.append(Row(f"{name}, loads/s", middle(bare), middle(mine), bar))
            if length == 1000:
                cpu = middle(spent)
                rows.append(Row("replay, us CPU/event", 10, cpu, 10, "<=", ratio=cpu))
        await connection.close()
    return rows


if __name__ == "__main__":
    run_on_database(measure)
