"""Operators' verbs of tickets: streams, the relay, timers, parked messages."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Final
from uuid import UUID

import typer
from psycopg import AsyncConnection
from pydantic_core import to_json

from services.tickets.adapters.relay import LEASE
from services.tickets.domain.catalogue import EVENTS
from services.tickets.settings import Settings
from services.tickets.storage.codec import Codec
from services.tickets.storage.keys import ContactKeys
from shared.plumbing.cli_output import Json, rows_of, show_rows
from shared.plumbing.parked_verbs import parked_verbs, parking_at
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.secrets_client import fetched, own_key
from shared.plumbing.timer_verbs import timer_verbs

_SERVICE: Final = "tickets"
_STREAM: Final = """
SELECT notification_id, originator_version, topic, state FROM event
WHERE originator_id = %s ORDER BY originator_version
"""
_RELAY: Final = """
SELECT position.epoch, position.log_id,
    coalesce((SELECT max(notification_id) FROM event), 0) AS head,
    (SELECT count(*) FROM event WHERE notification_id > position.log_id) AS waiting,
    held.holder, extract(epoch FROM held.until - clock_timestamp())::float AS lease_seconds
FROM relay_position AS position LEFT JOIN lease AS held ON held.name = %s
"""
_SNAPSHOTS: Final = """
SELECT form, count(*) AS conversations, max(log_id) AS newest_log_id
FROM snapshot GROUP BY form ORDER BY form
"""
_SNAPSHOT_LINE: Final = "{form}  {conversations} conversations  newest log id {newest_log_id}"
_POSITION_LINE: Final = "position {epoch}.{log_id}  head {head}  waiting {waiting}"
_RELAY_LINE: Final = "\nrelay {holder}, for {lease_seconds:.0f} more seconds"
_INSTANT: Final = "%Y-%m-%d %H:%M:%S.%f"
_AT: Final = "As it was: up to this version, or to this time (UTC unless it names a zone)."
_Row = tuple[int, int, str, bytes]
_Until = Callable[[int, datetime], bool]

app: Final = typer.Typer(help="The event store: streams, relay, timers, parked messages.")
stream: Final = typer.Typer(help="Events as they are stored.", no_args_is_help=True)
relay: Final = typer.Typer(help="The way from the log to Kafka.", no_args_is_help=True)
timers: Final = timer_verbs(
    lambda: Settings().database_url, identity="id", kind="kind", about="stream"
)
snapshots: Final = typer.Typer(help="Long streams, written down.", no_args_is_help=True)
app.add_typer(stream, name="stream")
app.add_typer(relay, name="relay")
app.add_typer(timers, name="timers")
app.add_typer(snapshots, name="snapshots")


@stream.command("show")
def show_stream(
    stream_id: Annotated[UUID, typer.Argument(metavar="ID", help="Of a ticket or any stream.")],
    *,
    at: Annotated[str | None, typer.Option("--at", metavar="VERSION|TIME", help=_AT)] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Also personal fields.")] = False,
) -> None:
    """Every event of a stream: version, log id, time, type, actor, and its fields."""
    until = _until(at)
    lines = asyncio.run(_lines(Settings(), stream_id, until, reveal=reveal))
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo(
            "no such stream" if at is None else f"no such stream, or nothing yet at {at}", err=True
        )
        raise typer.Exit(1)


@snapshots.command("status")
def snapshots_status(*, as_json: Json = False) -> None:
    """How many long conversations are written down, and in which forms."""
    rows = asyncio.run(rows_of(Settings().database_url, _SNAPSHOTS))
    show_rows(rows, _SNAPSHOT_LINE.format_map, as_json=as_json)


@snapshots.command("drop")
def drop_snapshots() -> None:
    """Forget all: conversations are loaded whole until they are written down again."""
    typer.echo(f"{asyncio.run(_drop_snapshots(Settings()))} dropped")


@relay.command("status")
def relay_status(*, as_json: Json = False) -> None:
    """How far the log is published, how much waits, and who is the relay; 1 when nobody is."""
    (row,) = asyncio.run(rows_of(Settings().database_url, _RELAY, (LEASE,)))
    held = row["holder"] is not None and row["lease_seconds"] >= 0
    show_rows([row], (_POSITION_LINE + (_RELAY_LINE if held else "")).format_map, as_json=as_json)
    if not held:
        typer.echo("nobody is the relay: is a process of tickets running?", err=True)
        raise typer.Exit(1)


async def _drop_snapshots(settings: Settings) -> int:
    async with await AsyncConnection.connect(settings.database_url) as conn:
        return (await conn.execute("DELETE FROM snapshot")).rowcount


def _until(at: str | None) -> _Until:
    """Whether an event of this version and instant was there already."""
    if at is None:
        return lambda _version, _instant: True
    if at.isdecimal():
        last = int(at)
        return lambda version, _instant: version <= last
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        message = f"neither a version (3) nor a time (2026-01-31T15:04:05Z): {at}"
        raise typer.BadParameter(message) from None
    then = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return lambda _version, instant: instant <= then


async def _lines(settings: Settings, stream_id: UUID, until: _Until, *, reveal: bool) -> list[str]:
    async with await AsyncConnection.connect(settings.database_url) as conn:
        rows: list[_Row] = await (await conn.execute(_STREAM, (stream_id,))).fetchall()
    codec = Codec(EVENTS)
    keys = {key for row in rows if (key := codec.key_of(row[3])) is not None}
    sealers = await _sealers(settings, keys) if reveal else dict.fromkeys(keys)
    lines = (_line(codec, stream_id, row, sealers, until) for row in rows)
    return [line for line in lines if line is not None]


def _line(
    codec: Codec,
    stream_id: UUID,
    row: _Row,
    sealers: Mapping[UUID, Sealer | None],
    until: _Until,
) -> str | None:
    log_id, version, topic, state = row
    event, meta = codec.decode(topic, state, stream_id, version, sealers)
    if not until(version, meta.recorded_at):
        return None
    at = f"{meta.recorded_at:{_INSTANT}}"
    fields = to_json(event).decode()
    return f"{version}  {log_id}  {at}  {topic}  {meta.actor}  {meta.command_id}  {fields}"


async def _sealers(settings: Settings, contacts: set[UUID]) -> Mapping[UUID, Sealer | None]:
    secrets = await fetched(settings, _SERVICE)
    pool = make_pool(settings.database_url, min_size=1, max_size=1)
    await pool.open()
    try:
        return await ContactKeys(pool, secrets.wrapping_key).to_open(contacts)
    finally:
        await pool.close()


def _parking(opens: bool) -> AbstractAsyncContextManager[Parking]:  # noqa: FBT001
    settings = Settings()
    key = partial(own_key, settings, _SERVICE) if opens else None
    return parking_at(settings.database_url, _SERVICE, key)


parked: Final = parked_verbs(_parking)
app.add_typer(parked, name="parked")
EVERYWHERE: Final[Sequence[tuple[str, typer.Typer]]] = (
    ("stream", stream),
    ("relay", relay),
    ("timers", timers),
    ("snapshots", snapshots),
)
"""Verbs that `guiche` also offers without the service's name."""
