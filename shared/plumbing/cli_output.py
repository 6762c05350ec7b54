"""Print a verb's rows: a line each for people, one array for machines.

Imported by `ops.py` of services only: typer comes with the local extra.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from pydantic_core import to_json

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Row = dict[str, Any]
"""A row by the names of its columns, which are those of the JSON: instants in ISO 8601, UTC."""
T = TypeVar("T")


def show_rows(rows: Iterable[T], line: Callable[[T], str], *, as_json: bool) -> None:
    """Print them; as JSON each of them whole."""
    if as_json:
        typer.echo(to_json(list(rows), indent=2).decode())
        return
    for row in rows:
        typer.echo(line(row))


async def rows_of(url: str, query: Any, values: Sequence[object] = ()) -> list[Row]:  # noqa: ANN401  one of the caller's own
    """What a query finds."""
    async with (
        await AsyncConnection.connect(url) as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        await conn.execute("SET TIME ZONE 'UTC'")
        await cursor.execute(query, values)
        return await cursor.fetchall()
