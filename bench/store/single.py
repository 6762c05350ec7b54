"""One command of D3 by one caller against a prepared insert: the call, and through the writer."""

from collections.abc import Sequence
from time import perf_counter
from uuid import uuid4

from bench.harness import Row, in_turns, middle, run_on_database
from bench.store import subject
from services.tickets.storage.append import Batch, prepare
from services.tickets.storage.contract import Stored
from services.tickets.storage.event_store import Recorder, Session

TIMES, ROUNDS = 300, 5


def one_call(session: Session) -> None:
    command = subject.a_command(uuid4())
    (one,) = command.expectations
    codec = subject.CODEC
    state = codec.encode(one.events[0], codec.meta(command.meta), one.stream.id, 1, None)
    batch = Batch([prepare(command, {one.stream.id: [state]})])
    (verdict,) = batch.verdicts(session.append(batch.arrays))
    assert isinstance(verdict, Stored)  # noqa: S101


async def measure(url: str) -> Sequence[Row]:
    subject.make_bare(url)
    recorder = Recorder(url)
    async with subject.a_store(url) as store:
        with subject.bare_connection(url) as conn, recorder.session() as session:
            cursor = conn.cursor(binary=True)

            async def floor() -> float:
                started = perf_counter()
                for _ in range(TIMES):
                    cursor.execute(subject.INSERT_ONE, subject.a_bare_row(), prepare=True)
                return TIMES / (perf_counter() - started)

            async def call() -> float:
                started = perf_counter()
                for _ in range(TIMES):
                    one_call(session)
                return TIMES / (perf_counter() - started)

            async def writer() -> float:
                started = perf_counter()
                for _ in range(TIMES):
                    await store.append(subject.a_command(uuid4()))
                return TIMES / (perf_counter() - started)

            bare, called, written = await in_turns(ROUNDS, floor, call, writer)
    recorder.close()
    return [
        Row("one D3 command, one caller: the call, commands/s", middle(bare), middle(called), 0.40),
        Row("one D3 command, one caller: through the writer", middle(bare), middle(written), 0.40),
    ]


if __name__ == "__main__":
    run_on_database(measure)
