"""The event store on PostgreSQL as an `ApplicationRecorder` of the eventsourcing library.

The only file that knows the library. Reads, notifications and pool are the library's; inserting is
our append, which judges a command whole and keeps the log in the order of commits.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    ListenNotifySubscription,
    PersistenceError,
)
from eventsourcing.persistence import StoredEvent as LibraryEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, tuple_row

from services.tickets.storage.append import APPEND, Batch, Prepared, Row
from services.tickets.storage.contract import (
    Command,
    Expectation,
    ForeignStreamError,
    Meta,
    Stored,
    StoreError,
    Stream,
)

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


_OWNERS: Final = """
SELECT DISTINCT ON (originator_id) originator_id, account, key FROM event
WHERE originator_id = ANY(%s) ORDER BY originator_id, originator_version
"""
_IDS: Final = """
SELECT notification_id FROM unnest(%s::uuid[], %s::bigint[]) WITH ORDINALITY
    AS mine (originator_id, originator_version, place)
JOIN event USING (originator_id, originator_version) ORDER BY place
"""
_POLL_SECONDS: Final = 0.2
_NO_META: Final = Meta(datetime.fromtimestamp(0, UTC), "", UUID(int=0), "")


class NoAccountError(StoreError):
    """A new stream was inserted through a recorder that writes for no account."""

    code = "no_account"


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
    """The library's recorder over our table; see `insert_events` for what differs.

    `account` owns the streams that `insert_events` begins; the service inserts by `session`.
    """

    def __init__(self, url: str, *, schema: str = "tickets", account: UUID | None = None) -> None:
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
        self._account = account

    @contextmanager
    def session(self) -> Generator[Session]:
        """A connection for the writer; raises CANNOT_CONNECT."""
        with self.datastore.get_connection() as connection:
            yield Session(connection)

    def insert_events(
        self, stored_events: Sequence[LibraryEvent], **kwargs: object
    ) -> Sequence[int]:
        """All of the events or none, by the append; their notification ids, in the given order.

        Versions of a stream begin with 1 and have no gaps: IntegrityError when another version is
        next. A stream keeps account and key of its first event; the key of a new one is its id.
        Raises NoAccountError, ForeignStreamError, the library's errors; tries nothing again.
        """
        if kwargs:
            raise TypeError(sorted(kwargs))  # tracking is not stored here
        if not stored_events:
            return []
        with self.datastore.get_connection() as connection:
            command = self._prepared(connection, stored_events)
            batch = Batch([command])
            (verdict,) = batch.verdicts(Session(connection).append(batch.arrays))
            if isinstance(verdict, ForeignStreamError):
                raise verdict
            if not isinstance(verdict, Stored):
                raise IntegrityError(str(verdict))
            places = [(event.originator_id, event.originator_version) for event in stored_events]
            wanted = [list(column) for column in zip(*places, strict=True)]
            return [row["notification_id"] for row in connection.execute(_IDS, wanted)]

    def _prepared(
        self, connection: Connection[DictRow], stored_events: Sequence[LibraryEvent]
    ) -> Prepared:
        streams: dict[UUID, list[LibraryEvent]] = {}
        for event in stored_events:
            streams.setdefault(_stream_id(event), []).append(event)
        rows = connection.execute(_OWNERS, (list(streams),)).fetchall()
        keys = {row["originator_id"]: row["key"] for row in rows}
        account = next((row["account"] for row in rows), self._account)
        if account is None:
            raise NoAccountError
        return Prepared(
            command=Command(account=account, meta=_NO_META, expectations=()),
            expectations=[
                _expectation(Stream(stream, keys.get(stream, stream)), events)
                for stream, events in streams.items()
            ],
            states={
                stream: [(event.topic, event.state) for event in events]
                for stream, events in streams.items()
            },
            take=(),
            release=(),
        )

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> ListenNotifySubscription["Recorder"]:
        """The notifications after `gt`, and then every new one, for as long as the block."""
        return _PollingSubscription(recorder=self, gt=gt, topics=topics)

    def close(self) -> None:
        """Give the connections back."""
        self.datastore.close()


class _PollingSubscription(ListenNotifySubscription[Recorder]):
    """The library's subscription, which asks again after a time.

    The append sends no NOTIFY: it would take a lock of the whole cluster at each commit.
    """

    def _loop_on_pull(self) -> None:
        try:
            while not self._has_been_stopped:
                self._pull()
                self._has_been_notified.wait(_POLL_SECONDS)
        except BaseException as error:  # noqa: BLE001  the reader's thread raises it
            self._thread_error = error
            self.stop()


def _expectation(stream: Stream, events: Sequence[LibraryEvent]) -> Expectation:
    versions = [event.originator_version for event in events]
    if versions != list(range(versions[0], versions[0] + len(versions))):
        message = f"versions of {stream.id} are not one after another: {versions}"
        raise IntegrityError(message)
    return Expectation(stream, versions[0] - 1, tuple(events))


def _stream_id(event: LibraryEvent) -> UUID:
    if not isinstance(event.originator_id, UUID):
        message = f"{event.originator_id} is no UUID"
        raise DataError(message)
    return event.originator_id


def _kwargs(datastore: PostgresDatastore) -> Mapping[str, Any]:
    kwargs = datastore.pool.kwargs
    return cast("Mapping[str, Any]", kwargs)
