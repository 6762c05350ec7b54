"""What can an operator see of outbound? The sends of which nobody knows what became."""

import asyncio
from typing import Annotated, Any, Final

import typer
from psycopg import AsyncConnection

from services.outbound.settings import Settings

app: Final = typer.Typer(name="outbound", help="What leaves for Meta.", no_args_is_help=True)
unknown: Final = typer.Typer(help="Sends whose outcome is unknown.", no_args_is_help=True)
app.add_typer(unknown, name="unknown")

_UNKNOWN: Final = """
SELECT q.message_id, q.ticket_id, q.connection_id, q.settled_at, q.reason, q.attempts,
    a.started_at, a.ended_at
FROM queue AS q LEFT JOIN attempt AS a ON (a.message_id, a.number) = (q.message_id, q.attempts)
WHERE q.state = 'unknown' ORDER BY q.settled_at LIMIT %s
"""


@app.callback()
def outbound() -> None:
    """What leaves for Meta."""


@unknown.command("list")
def list_unknown(limit: Annotated[int, typer.Option(help="The oldest N.")] = 50) -> None:
    """Oldest first: message, ticket, connection, since, why, and what its attempt says."""
    for row in asyncio.run(_rows(Settings().database_url, limit)):
        message, ticket, connection, since, reason, attempts, started, ended = row
        answered = "no answer seen" if ended is None else f"ended {ended:%H:%M:%S}"
        typer.echo(
            f"{message}  ticket {ticket}  connection {connection}  since {since:%Y-%m-%d %H:%M:%S}"
            f"  {reason}  attempt {attempts} began {started:%H:%M:%S}, {answered}"
        )


async def _rows(url: str, limit: int) -> list[tuple[Any, ...]]:
    async with await AsyncConnection.connect(url) as conn:
        return await (await conn.execute(_UNKNOWN, (limit,))).fetchall()
