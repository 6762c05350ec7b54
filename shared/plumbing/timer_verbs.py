"""Operators' verbs for a service's timers: list, retry (D12).

Imported by `ops.py` of services only: typer comes with the local extra.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, LiteralString
from uuid import UUID

import typer

from shared.plumbing.cli_output import Json, Row, rows_of, show_rows
from shared.plumbing.postgres import make_pool
from shared.plumbing.timer_failures import TimerFailures

_LIST: Final = """
    due, coalesce(leased_until > clock_timestamp(), false) AS leased, attempts, last_error,
    next_attempt_at
FROM timer WHERE attempts >= %s ORDER BY due LIMIT %s
"""
_INSTANT: Final = "%Y-%m-%d %H:%M:%S.%f"


def timer_verbs(
    url: Callable[[], str], *, identity: LiteralString, kind: LiteralString, about: LiteralString
) -> typer.Typer:
    """The verbs over one service's table `timer`; the three are its columns, or SQL."""
    app = typer.Typer(help="What is due later.", no_args_is_help=True)

    @app.command("list")
    def list_timers(
        limit: Annotated[int, typer.Option(min=1)] = 100,
        *,
        failing: Annotated[bool, typer.Option("--failing", help="Only those that failed.")] = False,
        as_json: Json = False,
    ) -> None:
        """What waits for its time, the next first: due, kind, whose, id, state, failures."""
        query: LiteralString = f"SELECT {kind} AS kind, {about} AS about, {identity} AS id, {_LIST}"
        rows = asyncio.run(rows_of(url(), query, (int(failing), limit)))
        show_rows(rows, _line, as_json=as_json)

    @app.command()
    def retry(timer_id: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
        """Try one that failed at once, not when its next attempt is due."""
        if not asyncio.run(_retry(url(), identity, timer_id)):
            typer.echo("it did not fail, or is not there (any more)", err=True)
            raise typer.Exit(1)

    return app


def _line(row: Row) -> str:
    line = f"{row['due']:{_INSTANT}}  {row['kind']}  {row['about']}  {row['id']}"
    line += f"  {'leased' if row['leased'] else '-'}"
    if not row["attempts"]:
        return line
    at = "now" if row["next_attempt_at"] is None else f"{row['next_attempt_at']:%H:%M:%S}"
    return f"{line}  attempts={row['attempts']}  error={row['last_error']}  next={at}"


async def _retry(url: str, identity: LiteralString, timer_id: UUID) -> bool:
    pool = make_pool(url, min_size=1, max_size=1)
    await pool.open()
    try:
        return await TimerFailures(pool, identity).retry(timer_id)
    finally:
        await pool.close()
