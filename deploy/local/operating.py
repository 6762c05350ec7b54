"""What does each verb of `guiche` do that is about the whole, not about one service?"""

import asyncio
import json
import logging
import os
from contextlib import suppress
from typing import Final, NoReturn

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy import topics as registry
from deploy.local import diagnosis, lagging
from deploy.local import run as local_run
from deploy.local import top as topping
from deploy.local.binaries import NoPostgresError
from deploy.local.installation import local_environment
from deploy.local.jars import WrongJarsError
from deploy.local.java import NoJavaError
from deploy.local.kafka import KafkaSilentError
from deploy.local.keys import role_password
from deploy.local.locking import AlreadyRunningError
from deploy.local.owner import NoOwnerError
from deploy.local.places import default_places
from deploy.local.postgres import PostgresSilentError
from deploy.local.topology import TopologyError
from deploy.postgres import job
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.settings import CommonSettings
from shared.plumbing.transient import TRANSIENT_ANYWHERE

_EXPECTED: Final = (
    AlreadyRunningError,
    NoJavaError,
    NoOwnerError,
    NoPostgresError,
    KafkaSilentError,
    PostgresSilentError,
    TopologyError,
    WrongJarsError,
    registry.TopicsDifferError,
)


def adopt_local_run() -> None:
    """On the machine of a local run its addresses are known without being told."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # findings say it better
    places = default_places()
    if places.servers.exists():
        for name, value in local_environment(places).items():
            os.environ.setdefault(name, value)


def run() -> None:
    """Start everything, until Ctrl-C."""
    try:
        local_run.run(default_places())
    except _EXPECTED as error:
        _fail(str(error))


def migrate() -> None:
    """The migration job."""
    places = default_places()
    url = os.environ.get("DATABASE_URL") or _fail("DATABASE_URL is not set")
    password = os.environ.get("GUICHE_ROLE_PASSWORD") or role_password(places.keys)
    for service in job.apply(url, password):
        typer.echo(f"{service}: newest")


def topics() -> None:
    """The job of the topics."""
    try:
        made = asyncio.run(registry.apply(CommonSettings()))
    except registry.TopicsDifferError as error:
        _fail(str(error))
    typer.echo(f"{made} topics created")


def doctor(*, as_json: bool) -> int:
    """Print what is found; 1 when something is to be done."""
    found = asyncio.run(diagnosis.diagnose(default_places()))
    _print([finding.as_row() for finding in found], as_json=as_json)
    return 0 if all(finding.well for finding in found) else 1


def lag(*, as_json: bool) -> None:
    """Print how far behind each reader is."""
    found = asyncio.run(lagging.measure(CommonSettings()))
    _print([reader.as_row() for reader in found], as_json=as_json)


def top(every_seconds: float, times: int | None) -> None:
    """Show what each process does, until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        asyncio.run(topping.show(Console(), every_seconds, times))


def is_away(error: Exception) -> bool:
    """Whether a verb failed because PostgreSQL, Kafka or a service does not answer."""
    return isinstance(error, (*TRANSIENT, *TRANSIENT_ANYWHERE, KafkaError))


def _print(rows: list[dict[str, str | float | bool]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table(*(rows[0] if rows else ()), box=None)
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    Console().print(table)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
