"""What can an operator ask of the read models?"""

import asyncio
from typing import Final

import typer
from psycopg import AsyncConnection

from services.projections.adapters import store
from services.projections.handlers.ports import Place
from services.projections.settings import Settings

app: Final = typer.Typer(help="The read models: where they are.")


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
