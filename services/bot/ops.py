"""Operators' verbs: flows, sessions, timers, a talk without a customer, parked messages."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from pydantic_core import to_json

from services.bot.adapters.codec import Codec
from services.bot.adapters.directory import FlowTargets
from services.bot.adapters.evaluators import EVALUATORS
from services.bot.adapters.files import FlowFileError, read_flow
from services.bot.adapters.store import PostgresStore
from services.bot.domain.flow import Flow, json_schema
from services.bot.handlers.flows import Flows
from services.bot.handlers.publish import FlowRefusedError, Publishing, check, flow_id
from services.bot.handlers.sessions import Sessions
from services.bot.handlers.simulate import Simulation
from services.bot.handlers.version_migration import (
    MigrationRefusedError,
    Round,
    UnknownFlowError,
    VersionMigration,
)
from services.bot.settings import Settings
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing import clock
from shared.plumbing.cli_output import Json, rows_of, show_rows
from shared.plumbing.compacted import CompactedReader
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_verbs import parked_verbs, parking_at
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.secrets_client import own_key
from shared.plumbing.timer_verbs import timer_verbs

_SERVICE: Final = "bot"
_DIRECTORY_SECONDS: Final = 20.0
_AGAIN_SECONDS: Final = 0.5  # until sessions with a step under way are looked at again
_NO_KEY: Final = bytes(32)  # what is published is not sealed

app: Final = typer.Typer(help="Flows and their sessions.", no_args_is_help=True)
session: Final = typer.Typer(help="Sessions of flows.", no_args_is_help=True)
app.add_typer(session, name="session")
timers: Final = timer_verbs(
    lambda: Settings().database_url, identity="timer_id", kind="'flow'", about="session_id"
)
app.add_typer(timers, name="timers")
File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML; `schema` describes it.")]
FlowId = Annotated[UUID, typer.Argument(metavar="FLOW", help="Its id, as `flows` says it.")]
Patience = Annotated[
    float, typer.Option(min=0.0, help="Seconds to wait for sessions with a step under way.")
]
Nodes = Annotated[
    list[str] | None, typer.Option("--node", metavar="OLD=NEW", help="What a node is called now.")
]
_FLOWS: Final = """
SELECT DISTINCT ON (flow_id) flow_id, account_id, key, version, left(hash, 12) AS hash,
    published_at,
    (SELECT count(*) FROM session AS s
        WHERE s.flow_id = f.flow_id AND s.state = 'running') AS running
FROM flow_version AS f ORDER BY flow_id, version DESC
"""
_FLOW_LINE: Final = (
    "{flow_id}  account {account_id}  {key}  version {version}  {hash}"
    "  published {published_at:%Y-%m-%d %H:%M:%S}  running {running}"
)


@app.callback()
def bot() -> None:
    """Flows and their sessions."""


@app.command()
def validate(file: File) -> None:
    """Say what publishing would refuse; sectors are looked at when it is published."""
    definition = _read(file)
    try:
        check(definition, None, EVALUATORS)
    except FlowRefusedError as error:
        _refuse([f"{file}: {line}" for line in error.lines])
    typer.echo(f"{file}: {definition.key}, {len(definition.nodes)} nodes, good")


@app.command()
def schema() -> None:
    """The JSON Schema (draft 2020-12) of a flow's file."""
    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@app.command()
def publish(file: File, account: Annotated[UUID, typer.Option(help="Whose flow it is.")]) -> None:
    """Make it the version of the sessions that start from now on."""
    definition = _read(file)
    try:
        typer.echo(asyncio.run(_publish(account, definition)))
    except FlowRefusedError as error:
        _refuse([f"{file}: {line}" for line in error.lines])


@app.command()
def flows(*, as_json: Json = False) -> None:
    """The newest version of each flow, and how many sessions run on any of them."""
    rows = asyncio.run(rows_of(Settings().database_url, _FLOWS))
    show_rows(rows, _FLOW_LINE.format_map, as_json=as_json)


@app.command()
def migrate(flow: FlowId, node: Nodes = None, patience: Patience = 60.0) -> None:
    """Move the sessions of older versions to the newest; nodes go by the map, else by their id.

    Nothing is moved as long as any stands where the newest version has nothing of its kind. Who has
    a step under way is moved after it. Called again, it goes on.
    """
    nodes = _map(node or [])
    _older(lambda older: older.migrate(flow, nodes), "moved", patience)


@app.command()
def stop(flow: FlowId, patience: Patience = 60.0) -> None:
    """Hand the sessions of older versions off to people, with their summaries.

    Each goes to the sector of its ticket, else to its connection's. Called again, it goes on.
    """
    _older(lambda older: older.stop(flow), "handed off", patience)


@session.command()
def show(number: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
    """Every event of a session: personal data."""
    lines = asyncio.run(_events(number))
    if not lines:
        _refuse([f"there is no session {number}"])
    for line in lines:
        typer.echo(line)


@app.command()
def simulate(
    file: File, name: Annotated[str, typer.Option(help="Of the customer.")] = "Maria"
) -> None:
    """Talk to a flow: a line is what the customer says, `+90` lets 90 seconds pass."""
    definition = _read(file)
    names = sorted(set(definition.sector_names().values()))
    sectors = {each: UUID(int=number) for number, each in enumerate(names, start=1)}
    try:
        check(definition, sectors, EVALUATORS)
    except FlowRefusedError as error:
        _refuse([f"{file}: {line}" for line in error.lines])
    talk = Simulation(definition.with_sectors(sectors), EVALUATORS, clock.now(), name)
    _print(talk.begin())
    for line in sys.stdin:
        if talk.over:
            break
        _print(talk.hear(line.rstrip("\n")))


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line)


def _read(file: Path) -> Flow:
    try:
        return read_flow(file)
    except FlowFileError as error:
        _refuse(str(error).splitlines())
        raise


def _refuse(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)


def _map(pairs: Sequence[str]) -> Mapping[str, str]:
    """What the newest version calls nodes of older ones."""
    found: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.partition("=")
        if not old or not new:
            _refuse([f"--node {pair}: write OLD=NEW"])
        if found.setdefault(old, new) != new:
            _refuse([f"--node {pair}: {old} stands twice"])
    return found


def _older(
    one_round: Callable[[VersionMigration], AsyncIterator[Round]], verb: str, patience: float
) -> None:
    try:
        left = asyncio.run(_until_none_is_left(one_round, verb, patience))
    except UnknownFlowError:
        _refuse(["no version of this flow was published; `flows` says which were"])
    except MigrationRefusedError as error:
        _refuse([*error.lines, "nothing more is moved; say where they go on by --node OLD=NEW"])
    else:
        if left:
            _refuse([f"{left} have a step under way: call again when the bot and tickets run"])
        typer.echo("no session of an older version is left")


async def _until_none_is_left(
    one_round: Callable[[VersionMigration], AsyncIterator[Round]], verb: str, patience: float
) -> int:
    """Round after round; how many sessions were still under way when patience was over."""
    deadline, total = monotonic() + patience, 0
    async with _older_versions() as older:
        while True:
            seen: Round | None = None
            async for seen in one_round(older):
                typer.echo(f"{total + seen.done} {verb}, {seen.under_way} with a step under way")
            if seen is None:
                return 0
            total += seen.done
            if not seen.done and monotonic() >= deadline:
                return seen.under_way + len(seen.refused)
            await asyncio.sleep(_AGAIN_SECONDS)


@asynccontextmanager
async def _older_versions() -> AsyncGenerator[VersionMigration]:
    settings = Settings()
    async with _store(settings, await own_key(settings, _SERVICE)) as (store, pool, outbox):
        publishing = Publishing(
            pool, store, outbox, FlowTargets(), list, EVALUATORS, clock.now, lambda _, __: None
        )
        flows = Flows(store, publishing)
        yield VersionMigration(pool, store, flows, Sessions(store, flows, EVALUATORS, clock.now))


async def _publish(account: UUID, definition: Flow) -> str:
    settings = Settings()
    book = await _book(settings)
    if account not in book.accounts():
        _refuse([f"--account {account}: there is no such account (`guiche directory show`)"])
    async with _store(settings, _NO_KEY) as (store, pool, outbox):
        publishing = Publishing(
            pool, store, outbox, book, list, EVALUATORS, clock.now, lambda _, __: None
        )
        version = await publishing.publish(account, definition)
    if version is None:
        return f"{flow_id(account, definition.key)}: nothing differs from the newest version"
    return f"{version.flow_id}: version {version.version}"


async def _book(settings: Settings) -> FlowTargets:
    """directory.events, once to its end."""
    book = FlowTargets()
    reader = CompactedReader(settings, DIRECTORY_EVENTS.name, book.on_message)
    reading = asyncio.create_task(reader.run(Heartbeat()))
    try:
        async with asyncio.timeout(_DIRECTORY_SECONDS):
            await reader.ready.wait()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return book


@asynccontextmanager
async def _store(
    settings: Settings, key: bytes
) -> AsyncGenerator[tuple[PostgresStore, Any, Outbox]]:
    pool = make_pool(settings.database_url, min_size=1, max_size=2)
    await pool.open()
    outbox = Outbox(pool, Producer(settings))  # the service drains it
    try:
        yield PostgresStore(pool, Codec(Sealer(key)), outbox), pool, outbox
    finally:
        await pool.close()


async def _events(session_id: UUID) -> list[str]:
    settings = Settings()
    async with (
        _store(settings, await own_key(settings, _SERVICE)) as (store, pool, _),
        pool.connection() as conn,
    ):
        events = enumerate(await store.stream(conn, session_id), start=1)
        return [f"{n}  {type(event).__name__}  {to_json(event).decode()}" for n, event in events]


def _parking(opens: bool) -> AbstractAsyncContextManager[Parking]:  # noqa: FBT001
    settings = Settings()
    key = partial(own_key, settings, _SERVICE) if opens else None
    return parking_at(settings.database_url, _SERVICE, key, ParkedVersions)


parked: Final = parked_verbs(_parking, skip_opens=True)
app.add_typer(parked, name="parked")
