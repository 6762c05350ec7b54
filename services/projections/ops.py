"""What can an operator ask of the read models?"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Final

import aiohttp
import typer
from psycopg import AsyncConnection

from services.projections.adapters import store
from services.projections.adapters.parked import ParkedEvents
from services.projections.adapters.secrets import own_key
from services.projections.handlers.ports import Place
from services.projections.settings import Settings
from shared.plumbing.http import InternalClient
from shared.plumbing.parked_verbs import parked_verbs, parking_at
from shared.plumbing.parking import Parking
from shared.plumbing.tokens import TokenSigner

_SERVICE: Final = "projections"

app: Final = typer.Typer(help="The read models: where they are, what is parked.")


@app.callback()
def projections() -> None:
    """The read models."""


@app.command()
def status() -> None:
    """How far each partition is folded."""
    places = asyncio.run(_places(Settings().database_url))
    typer.echo("partition  epoch  log id  kafka offset")
    for place in places.values():
        offset = "feed" if place.kafka_offset is None else str(place.kafka_offset)
        typer.echo(f"{place.partition:9}  {place.epoch:5}  {place.log_id:6}  {offset}")


async def _places(url: str) -> dict[int, Place]:
    async with await AsyncConnection.connect(url) as conn:
        return await store.places(conn)


def _parking(opens: bool) -> AbstractAsyncContextManager[Parking]:  # noqa: FBT001
    settings = Settings()

    async def key() -> bytes:
        signer = TokenSigner(_SERVICE, settings.keys_dir)
        async with aiohttp.ClientSession() as session:
            urls = settings.directory_urls
            return await own_key(InternalClient(signer, "directory", urls, lambda: session))

    return parking_at(settings.database_url, _SERVICE, key if opens else None, ParkedEvents)


parked: Final = parked_verbs(_parking, skip_opens=True)
app.add_typer(parked, name="parked")
