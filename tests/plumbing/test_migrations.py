"""Migrations bring a schema forward, once, in order, whoever runs them at the same time."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from shared.plumbing.migrations import NoMigrationsError, migrate
from tests.plumbing.conftest import Postgres

FIRST = """
from alembic import op
from shared.plumbing.migrations import PLUMBING_SQL
revision, down_revision = "0001", None
def upgrade() -> None:
    for table in PLUMBING_SQL.values():
        op.execute(table)
    op.execute("CREATE TABLE thing (id integer PRIMARY KEY)")
"""
SECOND = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade() -> None:
    op.execute("ALTER TABLE thing ADD COLUMN name text")
"""
BROKEN = """
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade() -> None:
    op.execute("CREATE TABLE half (id integer)")
    op.execute("SELECT 1 FROM nowhere")
"""
COLUMNS = """
SELECT table_name::text || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'things' AND table_name IN ('thing', 'half') ORDER BY 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001_first.py").write_text(FIRST)
    return tmp_path


def _columns(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [row[0] for row in conn.execute(COLUMNS).fetchall()]


def test_each_migration_runs_once_in_the_schema_of_the_service(
    postgres: Postgres, folder: Path
) -> None:
    url = postgres.new_database()
    migrate("things", url, folder)
    migrate("things", url, folder)
    assert _columns(url) == ["thing.id"]
    (folder / "versions" / "0002_name.py").write_text(SECOND)
    migrate("things", url, folder)
    assert _columns(url) == ["thing.id", "thing.name"]
    with psycopg.connect(url) as conn:
        version = conn.execute("SELECT version_num FROM things.alembic_version").fetchall()
        tables = conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'things'")
        assert version == [("0002",)]
        assert tables.fetchone() == (6,)


def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(
    postgres: Postgres, folder: Path
) -> None:
    url = postgres.new_database()
    (folder / "versions" / "0002_name.py").write_text(SECOND)
    (folder / "versions" / "0003_broken.py").write_text(BROKEN)
    with pytest.raises(Exception, match="nowhere"):
        migrate("things", url, folder)
    assert _columns(url) == ["thing.id", "thing.name"]


async def test_two_jobs_at_once_wait_for_each_other(postgres: Postgres, folder: Path) -> None:
    url = postgres.new_database()
    jobs = [asyncio.to_thread(migrate, "things", url, folder) for _ in range(3)]
    await asyncio.gather(*jobs)
    assert _columns(url) == ["thing.id"]


def test_a_service_without_migrations_is_told_so(postgres: Postgres) -> None:
    with pytest.raises(NoMigrationsError):
        migrate("nobody", postgres.new_database())
