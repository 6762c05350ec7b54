"""Operators' verbs of directory."""

import asyncio
from typing import Final

import typer
from psycopg import AsyncConnection

from services.directory.settings import Settings
from services.directory.storage import entities

app: Final = typer.Typer(help="What is set up: accounts, sectors, agents, connections.")


@app.callback()
def directory() -> None:
    """What is set up."""


@app.command()
def show() -> None:
    """Every entity as one line of JSON, without secrets."""
    for line in asyncio.run(_lines(Settings().database_url)):
        typer.echo(line)


async def _lines(url: str) -> list[str]:
    async with await AsyncConnection.connect(url) as conn:
        return [
            f"{each.entity.TYPE} {each.entity.body().decode()}"
            for each in await entities.everything(conn)
        ]
