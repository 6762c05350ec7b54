"""Operators' verbs for parked messages: list, show, retry, skip (D13).

Imported by `ops.py` of services only: typer comes with the local extra.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, TypeVar

import typer

from shared.plumbing.cli_output import Json, show_rows
from shared.plumbing.parked_versions import EarlierParkedError
from shared.plumbing.parking import NotParkedError, ParkedEntry, Parking
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer

Open = Callable[[bool], AbstractAsyncContextManager[Parking]]
"""Opens the service's parking place; True when what is sealed must be opened, too."""
Key = Callable[[], Awaitable[bytes]]
"""The service's own key, asked of directory."""

_Seq = Annotated[int, typer.Argument(metavar="SEQ", help="As `list` prints it.")]
_NO_KEY = bytes(32)  # list, retry and skip open nothing
T = TypeVar("T")


def parked_verbs(opened: Open, *, skip_opens: bool = False) -> typer.Typer:
    """The verbs over one service's table `parked`; `skip_opens`: a skip reads what it skips."""
    app = typer.Typer(help="Messages that could not be applied.", no_args_is_help=True)

    @app.command("list")
    def list_parked(
        limit: Annotated[int, typer.Option(min=1, help="The oldest N.")] = 100,
        *,
        as_json: Json = False,
    ) -> None:
        """Where each stood, why it waits, and when it is tried next."""
        entries = _run(opened(False), lambda parking: parking.list(limit))  # noqa: FBT003
        show_rows(entries, _line, as_json=as_json)

    @app.command()
    def show(number: _Seq) -> None:
        """Its headers and body: personal data."""
        content = _run(opened(True), lambda parking: parking.show(number))  # noqa: FBT003
        for name, value in content.headers.items():
            typer.echo(f"{name}: {value}")
        typer.echo(content.body.decode(errors="replace"))

    @app.command()
    def retry(number: _Seq) -> None:
        """Try it at once, and for another hour."""
        _run(opened(False), lambda parking: parking.retry(number))  # noqa: FBT003

    @app.command()
    def skip(number: _Seq) -> None:
        """Give it up; the next of its key is tried."""
        _run(opened(skip_opens), lambda parking: parking.skip(number))

    return app


def _line(entry: ParkedEntry) -> str:
    due = entry.next_attempt_at
    return (
        f"{entry.seq}  {entry.topic} {entry.partition}-{entry.offset}  {entry.reason}  "
        f"attempts={entry.attempts}  parked={entry.parked_at:%Y-%m-%d %H:%M:%S}  "
        f"next={f'{due:%H:%M:%S}' if due else 'never: retry or skip it'}"
    )


@asynccontextmanager
async def parking_at(
    url: str, service: str, key: Key | None, kind: type[Parking] = Parking
) -> AsyncGenerator[Parking]:
    """The service's parking place; `key` only where something sealed is opened."""
    pool = make_pool(url, min_size=1, max_size=1)
    await pool.open()
    try:
        yield kind(pool, Sealer(_NO_KEY if key is None else await key()), service)
    finally:
        await pool.close()


def _run(
    opened: AbstractAsyncContextManager[Parking], call: Callable[[Parking], Awaitable[T]]
) -> T:
    async def run() -> T:
        async with opened as parking:
            return await call(parking)

    try:
        return asyncio.run(run())
    except NotParkedError:
        typer.echo("not there (any more)", err=True)
        raise typer.Exit(1) from None
    except EarlierParkedError as error:
        typer.echo(f"{error.first} of the same key comes first: skip or retry that", err=True)
        raise typer.Exit(1) from None
