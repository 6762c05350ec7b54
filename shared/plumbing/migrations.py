"""Migrate a service's schema: alembic, plain SQL, one job before the processes start.

Convention: `services/<service>/migrations/versions/0001_<what>.py` holds `revision = "0001"`,
`down_revision = None` (then "0002" after "0001"...) and `def upgrade() -> None` with
`op.execute("...")`. Names are without schema: the search path is the service's. The first migration
executes those of PLUMBING_SQL that the service needs. Migrations only go forward.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine, pool

PARKED_SQL: Final = """
CREATE TABLE parked (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key bytea NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    timestamp_ms bigint NOT NULL,
    reason text NOT NULL,
    holds boolean NOT NULL,
    sealed bytea NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_tried_at timestamptz,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz,
    UNIQUE (topic, partition, "offset")
);
CREATE INDEX parked_key ON parked (topic, key, seq);
"""
LEASE_SQL: Final = """
CREATE TABLE lease (
    name text PRIMARY KEY,
    holder text NOT NULL,
    until timestamptz NOT NULL
);
"""
OUTBOX_SQL: Final = """
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key bytea NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL
);
"""
STREAM_VERSION_SQL: Final = """
CREATE TABLE stream_version (
    stream uuid PRIMARY KEY,
    version bigint NOT NULL
);
"""
PLUMBING_SQL: Final[Mapping[str, LiteralString]] = {
    "parked": PARKED_SQL,
    "lease": LEASE_SQL,
    "outbox": OUTBOX_SQL,
    "stream_version": STREAM_VERSION_SQL,
}

_LOCK: Final = "SELECT pg_advisory_lock(hashtextextended('guiche.migrations', 0))"
_HAS_SCHEMA: Final = "SELECT to_regnamespace(%s) IS NOT NULL"


class NoMigrationsError(LookupError):
    """The service has no folder of migrations."""


def migrate(service: str, url: str, folder: Path | None = None) -> None:
    """Bring schema `<service>` to its newest form; jobs at the same time wait for each other.

    `url` is one whose role may write there (the service's own; then the tables are its own too).
    """
    versions = folder or _folder(service)
    with psycopg.connect(url, autocommit=True) as guard:
        guard.execute(_LOCK)
        _ensure_schema(guard, service)
        _upgrade(service, url, versions)


def _folder(service: str) -> Path:
    spec = importlib.util.find_spec(f"services.{service}")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / "migrations" / "versions").is_dir():
            return Path(place) / "migrations"
    raise NoMigrationsError(service)


def _ensure_schema(guard: psycopg.Connection[Any], service: str) -> None:
    found = guard.execute(_HAS_SCHEMA, (service,)).fetchone()
    if found is None or not found[0]:
        guard.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(service)))


def _upgrade(service: str, url: str, folder: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder))
    script = ScriptDirectory.from_config(config)

    def steps(revision: Any, _: object) -> Any:  # noqa: ANN401  as alembic types it
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    path = sql.SQL("SELECT set_config('search_path', {}, false)").format(sql.Literal(service))
    engine = create_engine(_dialect(url), poolclass=pool.NullPool)
    with engine.connect() as connection, EnvironmentContext(config, script, fn=steps) as context:
        connection.exec_driver_sql(path.as_string())
        connection.commit()
        context.configure(
            connection=connection,
            version_table="alembic_version",
            version_table_schema=service,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def _dialect(url: str) -> str:
    return "postgresql+psycopg://" + url.partition("://")[2]
