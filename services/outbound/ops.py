"""Operators' verbs of outbound: sends of unknown fate, files, parked messages."""

import asyncio
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Annotated, Any, Final, LiteralString
from uuid import UUID

import typer
from psycopg import AsyncConnection

from services.outbound.adapters.store import operators_store
from services.outbound.handlers.mark_failed import NotUnknownError, rule_failed
from services.outbound.settings import Settings
from shared.plumbing import clock
from shared.plumbing.cli_output import Json, Row, rows_of, show_rows
from shared.plumbing.parked_verbs import parked_verbs, parking_at
from shared.plumbing.parking import Parking
from shared.plumbing.secrets_client import own_key

_SERVICE: Final = "outbound"

app: Final = typer.Typer(name="outbound", help="What leaves for Meta.", no_args_is_help=True)
unknown: Final = typer.Typer(help="Sends whose outcome is unknown.", no_args_is_help=True)
app.add_typer(unknown, name="unknown")
media: Final = typer.Typer(help="Files of customers that are not here.", no_args_is_help=True)
app.add_typer(media, name="media")

_UNKNOWN: Final = """
SELECT q.message_id, q.ticket_id, q.connection_id, q.settled_at, q.reason, q.attempts,
    a.started_at, a.ended_at
FROM queue AS q LEFT JOIN attempt AS a ON (a.message_id, a.number) = (q.message_id, q.attempts)
WHERE q.state = 'unknown' ORDER BY q.settled_at LIMIT %s
"""
_ONE: Final = (
    "SELECT state, ticket_id, connection_id, queued_at, reason FROM queue WHERE message_id = %s"
)
_ATTEMPTS: Final = """
SELECT number, started_at, ended_at, outcome, code FROM attempt
WHERE message_id = %s ORDER BY number
"""


_MEDIA: Final = """
SELECT id, state, message_id, ticket_id, connection_id, created_at, attempts, next_attempt_at,
    reason
FROM media WHERE state <> 'stored' AND direction = 'inbound' ORDER BY created_at LIMIT %s
"""


@app.callback()
def outbound() -> None:
    """What leaves for Meta."""


@unknown.command("list")
def list_unknown(
    limit: Annotated[int, typer.Option(min=1, help="The oldest N.")] = 50, *, as_json: Json = False
) -> None:
    """Oldest first: message, ticket, connection, since, why, and what its attempt says."""
    rows = asyncio.run(rows_of(Settings().database_url, _UNKNOWN, (limit,)))
    show_rows(rows, _unknown_line, as_json=as_json)


def _unknown_line(row: Row) -> str:
    ended = row["ended_at"]
    answered = "no answer seen" if ended is None else f"ended {ended:%H:%M:%S}"
    return (
        "{message_id}  ticket {ticket_id}  connection {connection_id}"
        "  since {settled_at:%Y-%m-%d %H:%M:%S}  {reason}"
        "  attempt {attempts} began {started_at:%H:%M:%S}, "
    ).format_map(row) + answered


@unknown.command()
def resolve(
    message: Annotated[UUID, typer.Argument(metavar="MESSAGE", help="As `list` prints it.")],
    reason: Annotated[str, typer.Option(help="Why, for the record; no personal data.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show the evidence, and let it count as failed. It is never sent again by itself.

    A status that carries its id still proves the contrary, whenever it comes.
    """
    for line in asyncio.run(_evidence(message)):
        typer.echo(line)
    if not yes:
        typer.confirm("Let it count as failed?", abort=True)
    try:
        asyncio.run(_rule_failed(message, reason))
    except NotUnknownError as error:
        fate = (
            "not there (any more)" if error.state is None else f"its fate is known: {error.state}"
        )
        typer.echo(fate, err=True)
        raise typer.Exit(1) from None


@media.command("list")
def list_media(
    limit: Annotated[int, typer.Option(min=1, help="The oldest N.")] = 50, *, as_json: Json = False
) -> None:
    """Oldest first: customers' files that are not here, since when, why, and the next attempt."""
    rows = asyncio.run(rows_of(Settings().database_url, _MEDIA, (limit,)))
    show_rows(rows, _media_line, as_json=as_json)


def _media_line(row: Row) -> str:
    again = row["next_attempt_at"] if row["state"] == "pending" else None
    following = "given up" if again is None else f"again at {again:%H:%M:%S}"
    return (
        "{id}  {state}  message {message_id}  ticket {ticket_id}  connection {connection_id}"
        "  since {created_at:%Y-%m-%d %H:%M:%S}  {attempts} attempts, {reason}, "
    ).format_map(row) + following


@media.command("retry")
def retry_media(
    media_id: Annotated[UUID, typer.Argument(metavar="MEDIA", help="As `list` prints it.")],
) -> None:
    """Fetch a file again that is not here. Meta keeps a customer's file for 7 days."""
    if not asyncio.run(_redrive(media_id)):
        typer.echo("no customer's file with this id waits or is unavailable", err=True)
        raise typer.Exit(1)
    typer.echo("it is fetched within seconds; see `guiche outbound media list`")


async def _redrive(media_id: UUID) -> bool:
    async with operators_store(Settings()) as store, store.begin() as work:
        return await work.redrive_media(media_id)


async def _evidence(message: UUID) -> list[str]:
    lines = [
        f"{message}  {state}  ticket {ticket}  connection {connection}"
        f"  queued {queued:%Y-%m-%d %H:%M:%S}  {reason or ''}"
        for state, ticket, connection, queued, reason in await _rows(_ONE, message)
    ]
    return lines + [
        f"attempt {number} began {started:%Y-%m-%d %H:%M:%S}, "
        + ("no answer seen" if ended is None else f"ended {ended:%H:%M:%S}: {outcome} {code or ''}")
        for number, started, ended, outcome, code in await _rows(_ATTEMPTS, message)
    ]


async def _rule_failed(message: UUID, reason: str) -> None:
    async with operators_store(Settings()) as store:
        await rule_failed(store, message, reason, clock.now())


async def _rows(query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    async with await AsyncConnection.connect(Settings().database_url) as conn:
        return await (await conn.execute(query, values)).fetchall()


def _parking(opens: bool) -> AbstractAsyncContextManager[Parking]:  # noqa: FBT001
    settings = Settings()

    key = partial(own_key, settings, _SERVICE) if opens else None
    return parking_at(settings.database_url, _SERVICE, key)


parked: Final = parked_verbs(_parking)
app.add_typer(parked, name="parked")
