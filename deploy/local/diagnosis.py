"""`guiche doctor`: is everything there, newest and in its place, and what is to be done if not?"""

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

import aiohttp
import psycopg
from aiokafka.errors import KafkaError
from psycopg import AsyncConnection

from deploy import topics
from deploy.local.addresses import processes
from deploy.local.keys import missing_keys
from deploy.local.places import Places
from deploy.local.reports import reports
from deploy.postgres.job import migrated_services, newest_revision
from shared.plumbing import clock
from shared.plumbing.settings import CommonSettings

_SCHEMAS_WITH: Final = """
SELECT schemaname FROM pg_tables
WHERE tablename = %s AND (schemaname = ANY(%s) OR schemaname ~ '^rm_v[0-9]+$')
"""  # read models have schemas of their own
_FAILING: Final = """
SELECT count(*), max(attempts), string_agg(DISTINCT last_error, ', ') FROM timer WHERE attempts > 0
"""
_HTTP_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5
_CLOCK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `to_do` is empty when it is well."""

    what: str
    said: str
    to_do: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing is to be done."""
        return not self.to_do

    def as_row(self) -> dict[str, str | float | bool]:
        """For a table or JSON."""
        return {"what": self.what, "well": self.well, "said": self.said, "to do": self.to_do}


async def diagnose(places: Places) -> list[Finding]:
    """Every finding, the foundations first."""
    return [
        _keys(places),
        *[finding async for finding in _database()],
        *await _kafka(),
        *await _processes(),
    ]


def _keys(places: Places) -> Finding:
    folder = CommonSettings().keys_dir
    missing = missing_keys(folder if folder.exists() else places.keys)
    if missing:
        return Finding("keys", f"missing: {', '.join(missing)}", "`guiche run` makes them once")
    return Finding("keys", str(folder))


async def _database() -> AsyncIterator[Finding]:
    url = os.environ.get("DATABASE_URL")
    if not url:
        yield Finding("PostgreSQL", "DATABASE_URL is not set", "`guiche run`, or set DATABASE_URL")
        return
    try:
        connected = await AsyncConnection.connect(url, connect_timeout=_CONNECT_SECONDS)
    except psycopg.OperationalError:
        yield Finding("PostgreSQL", "does not answer", "start it; its log says why")
        return
    async with connected as conn:
        yield Finding("PostgreSQL", f"answers, version {conn.info.server_version // 10_000}")
        yield await _clock(conn)
        for service in migrated_services():
            yield await _migration(conn, service)
        for schema in await _schemas_with(conn, "lease"):
            for finding in await _leases(conn, schema):
                yield finding
        for schema in await _schemas_with(conn, "parked"):
            yield await _parked(conn, schema)
        for schema in await _schemas_with(conn, "timer"):
            yield await _timers(conn, schema)


async def _clock(conn: AsyncConnection) -> Finding:
    row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    apart = abs((clock.now() - row[0]).total_seconds()) if row else 0.0
    said = f"{apart:.1f} s from the database's"
    if apart > _CLOCK_SECONDS:
        return Finding("clock", said, "set both by NTP; services go by the database's")
    return Finding("clock", said)


async def _migration(conn: AsyncConnection, service: str) -> Finding:
    newest = newest_revision(service)
    applied = None
    if service in await _schemas_with(conn, "alembic_version"):
        row = await _all(conn, service, "SELECT version_num FROM alembic_version")
        applied = row[0][0] if row else None
    if applied == newest:
        return Finding(f"migrations of {service}", newest)
    return Finding(f"migrations of {service}", f"{applied} of {newest}", "`guiche migrate`")


async def _leases(conn: AsyncConnection, schema: str) -> list[Finding]:
    rows = await _all(conn, schema, "SELECT name, holder, until > clock_timestamp() FROM lease")
    return [
        Finding(f"lease {schema} {name}", f"held by {holder}")
        if valid
        else Finding(f"lease {schema} {name}", f"left by {holder}", f"start a process of {schema}")
        for name, holder, valid in rows
    ]


async def _parked(conn: AsyncConnection, schema: str) -> Finding:
    rows = await _all(conn, schema, "SELECT count(*) FROM parked")
    waiting = int(str(rows[0][0]))
    what = f"parked in {schema}"
    if waiting:
        return Finding(what, f"{waiting} messages", "`guiche parked list`, then retry or skip")
    return Finding(what, "nothing")


async def _timers(conn: AsyncConnection, schema: str) -> Finding:
    what = f"timers of {schema}"
    try:
        rows = await _all(conn, schema, _FAILING)
    except psycopg.errors.UndefinedColumn:
        await conn.rollback()
        return Finding(what, "older than their migration", "`guiche migrate`")
    failing, attempts, errors = rows[0]
    if not failing:
        return Finding(what, "none fails")
    verb = "guiche timers" if schema == "tickets" else f"guiche {schema} timers"
    said = f"{failing} fail, tried {attempts} times at most: {errors}"
    return Finding(what, said, f"`{verb} list --failing`, mend it, then `{verb} retry ID`")


async def _kafka() -> list[Finding]:
    settings = CommonSettings()
    try:
        wrong = await topics.differences(settings)
    except (KafkaError, OSError):
        to_do = "start it; `.run/logs/kafka.log` says why"
        return [Finding("Kafka", f"{settings.kafka_bootstrap_servers} does not answer", to_do)]
    found = [Finding("Kafka", settings.kafka_bootstrap_servers)]
    if not wrong:
        return [*found, Finding("topics", "as the registry says")]
    return found + [Finding("topics", said, _to_do(said)) for said in wrong]


def _to_do(difference: str) -> str:
    if difference.endswith("is missing"):
        return "`guiche topics`"
    return "no service starts here: make the topic anew, or mend its settings"


async def _processes() -> list[Finding]:
    urls = processes()
    timeout = aiohttp.ClientTimeout(total=_HTTP_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        found = await reports(http, urls, plain=urls)
    return [_process(name, report.answered, report.waiting_for) for name, report in found.items()]


def _process(name: str, answered: bool, waiting_for: Sequence[str]) -> Finding:  # noqa: FBT001
    if not answered:
        return Finding(name, "does not answer", f"start it; `.run/logs/{name}.log` says why")
    if waiting_for:
        to_do = f"look at what it waits for; `.run/logs/{name}.log` says why"
        return Finding(name, f"waits for {', '.join(waiting_for)}", to_do)
    return Finding(name, "ready")


async def _schemas_with(conn: AsyncConnection, table: str) -> list[str]:
    found = await conn.execute(_SCHEMAS_WITH, (table, migrated_services()))
    return sorted(row[0] for row in await found.fetchall())


async def _all(
    conn: AsyncConnection, schema: str, query: LiteralString
) -> list[tuple[object, ...]]:
    await conn.execute("SELECT set_config('search_path', %s, false)", (schema,))
    return await (await conn.execute(query)).fetchall()
