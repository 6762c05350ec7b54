"""50 commands of D3 in one call, from events to verdicts, against a binary `unnest` insert."""

from collections.abc import Sequence
from time import perf_counter
from uuid import uuid4

from bench.harness import Row, in_turns, middle, run_on_database
from bench.store import subject
from services.tickets.storage.append import Batch, Prepared, prepare
from services.tickets.storage.contract import Stored
from services.tickets.storage.event_store import Recorder, Session

SIZE, BATCHES, ROUNDS = 50, 60, 5


def ours(session: Session) -> None:
    """Encode, prepare, call, judge: all that the writer does for a batch."""
    codec = subject.CODEC
    prepared: list[Prepared] = []
    for command in (subject.a_command(uuid4()) for _ in range(SIZE)):
        meta = codec.meta(command.meta)
        (one,) = command.expectations
        state = codec.encode(one.events[0], meta, one.stream.id, 1, None)
        prepared.append(prepare(command, {one.stream.id: [state]}))
    batch = Batch(prepared)
    verdicts = batch.verdicts(session.append(batch.arrays))
    assert all(isinstance(verdict, Stored) for verdict in verdicts)  # noqa: S101


async def measure(url: str) -> Sequence[Row]:
    subject.make_bare(url)
    recorder = Recorder(url)
    with subject.bare_connection(url) as conn, recorder.session() as session:
        cursor = conn.cursor(binary=True)

        async def floor() -> float:
            started = perf_counter()
            for _ in range(BATCHES):
                rows = [subject.a_bare_row() for _ in range(SIZE)]
                columns = [list(column) for column in zip(*rows, strict=True)]
                cursor.execute(subject.INSERT_MANY, columns, prepare=True)
            return SIZE * BATCHES / (perf_counter() - started)

        async def append() -> float:
            started = perf_counter()
            for _ in range(BATCHES):
                ours(session)
            return SIZE * BATCHES / (perf_counter() - started)

        bare, mine = await in_turns(ROUNDS, floor, append)
    recorder.close()
    return [Row("50-command batch of D3, commands/s", middle(bare), middle(mine), 0.35)]


if __name__ == "__main__":
    run_on_database(measure)
