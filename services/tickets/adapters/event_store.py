"""The event store on PostgreSQL; the only file that knows the eventsourcing library.

From the library come the layout of the table, its recorder, its datastore and its reads; its way of
inserting is replaced by the append of design.md D3 (eventstore.md 1: why).
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Never, cast

import psycopg
from eventsourcing.persistence import PersistenceError
from eventsourcing.persistence import StoredEvent as LibraryEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, tuple_row

from services.tickets.adapters.append import APPEND, Prepared, Row
from services.tickets.handlers.store import StoreError

CANNOT_CONNECT: Final[tuple[type[Exception], ...]] = (PersistenceError, psycopg.Error)
"""What opening a session raises while PostgreSQL is away."""

_LIMITS: Final = (
    " -c lock_timeout=2s -c statement_timeout=5s -c idle_in_transaction_session_timeout=5s"
    # Planned once for a connection's life: planning anew costs a single command 0.3 ms of 0.8.
    " -c plan_cache_mode=force_generic_plan"
)
_NETWORK: Final[dict[str, Any]] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_MINE: Final = """
SELECT notification_id, state FROM event
WHERE originator_id = %b AND originator_version > %b AND originator_version <= %b
ORDER BY originator_version
"""
_HELD: Final = """
SELECT count(*) FROM unnest(%b::text[], %b::bytea[], %b::bytea[]) AS mine (kind, key, value)
JOIN claim USING (kind, key, value) WHERE account = %b
"""


class AppendOnlyError(StoreError):
    """Events are written by the append of D3 and by nothing else."""

    code = "append_only"


class _Datastore(PostgresDatastore):
    def register_type_adapters(self) -> None:
        """Nothing: our arrays need no composite type, and nothing connects before it must."""


class Session:
    """One connection of the writer; used by one thread."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection
        self._cursor = connection.cursor(binary=True, row_factory=tuple_row)

    def append(self, arrays: Sequence[list[Any]]) -> list[Row]:
        """One call of the append, which commits by itself."""
        return self._cursor.execute(APPEND, arrays, prepare=True).fetchall()  # pyright: ignore[reportReturnType]

    def position_of(self, prepared: Prepared) -> int | None:
        """The log id of a command that is stored, event for event and byte for byte; else None."""
        position: int | None = None
        for expectation in prepared.expectations:
            if not expectation.events:
                continue
            mine = [state for _, state in prepared.states[expectation.stream.id]]
            first, last = expectation.version, expectation.version + len(mine)
            rows = self._cursor.execute(_MINE, (expectation.stream.id, first, last)).fetchall()
            if [state for _, state in rows] != mine:
                return None
            position = max(position or 0, rows[-1][0])
        return position

    def holds(self, prepared: Prepared) -> bool:
        """Whether every claim of this command is held with its very value (and it has one)."""
        account, take = prepared.command.account, prepared.take
        wanted = ([c.kind for c in take], [c.key for c in take], [c.value for c in take], account)
        rows = self._cursor.execute(_HELD, wanted).fetchall()
        return bool(take) and rows[0][0] == len(take)

    @property
    def broken(self) -> bool:
        """Whether the connection is gone."""
        return self._connection.closed

    def fileno(self) -> int:
        """The socket, for who must cut a call that hangs."""
        return self._connection.fileno()


class Recorder(PostgresApplicationRecorder):
    """The library's recorder over our table; reads are the library's, the insert is not."""

    def __init__(self, url: str, *, schema: str = "tickets") -> None:
        params: dict[str, Any] = dict(conninfo_to_dict(url))
        names = {name: params.pop(name, "") for name in ("dbname", "host", "user", "password")}
        datastore = _Datastore(
            port=params.pop("port", None) or 5432,
            idle_in_transaction_session_timeout=5,
            max_overflow=1,  # one for the writer's session, one for reads
            schema=schema,
            **names,
        )
        options = f"{params.pop('options', '')} -c search_path={schema}{_LIMITS}"
        datastore.pool.kwargs = {**_kwargs(datastore), **params, **_NETWORK, "options": options}
        super().__init__(datastore, events_table_name="event")

    @contextmanager
    def session(self) -> Generator[Session]:
        """A connection for the writer; raises CANNOT_CONNECT."""
        with self.datastore.get_connection() as connection:
            yield Session(connection)

    def insert_events(
        self,
        stored_events: Sequence[LibraryEvent],  # noqa: ARG002  the library's signature
        **kwargs: object,  # noqa: ARG002
    ) -> Never:
        """Refused: the library's insert knows neither claims nor our lock."""
        raise AppendOnlyError

    def close(self) -> None:
        """Give the connections back."""
        self.datastore.close()


def _kwargs(datastore: PostgresDatastore) -> Mapping[str, Any]:
    kwargs = datastore.pool.kwargs
    return cast("Mapping[str, Any]", kwargs)
