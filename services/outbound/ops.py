"""What can an operator see of outbound? Sends of which nobody knows the fate; parked messages."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Final

import aiohttp
import typer
from psycopg import AsyncConnection

from services.outbound.adapters.secrets import Secrets, fetch_from
from services.outbound.settings import Settings
from shared.plumbing.http import InternalClient
from shared.plumbing.loops import Heartbeat
from shared.plumbing.parked_verbs import parked_verbs, parking_at
from shared.plumbing.parking import Parking
from shared.plumbing.tokens import TokenSigner

_SERVICE: Final = "outbound"

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


def _parking(opens: bool) -> AbstractAsyncContextManager[Parking]:  # noqa: FBT001
    settings = Settings()

    async def key() -> bytes:
        signer = TokenSigner(_SERVICE, settings.keys_dir)
        async with aiohttp.ClientSession() as session:
            client = InternalClient(signer, "directory", settings.directory_urls, lambda: session)
            secrets = Secrets(fetch_from(client))
            await secrets.refresh(Heartbeat())
        return secrets.own_key

    return parking_at(settings.database_url, _SERVICE, key if opens else None)


parked: Final = parked_verbs(_parking)
app.add_typer(parked, name="parked")
