"""The schema of a model: tables of its read models, checkpoints and parked events."""

import hashlib
from typing import Final, LiteralString

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.projections.read_models import ReadModels
from services.projections.read_models.read_model import Connection, ReadModel, RowCache
from shared.plumbing.migrations import PLUMBING_SQL

OWN_TABLES: Final = ("position", "stream_version", "parked")
_POSITION: Final[LiteralString] = """
CREATE TABLE position (
    partition integer PRIMARY KEY,
    epoch integer NOT NULL,
    log_id bigint NOT NULL,
    kafka_offset bigint,
    follow_from timestamptz,
    last_event bigint NOT NULL
);
GRANT SELECT ON position TO guiche_projections_reader;
"""
# One account at a time (D9); the subselect is computed once per query, not once per row.
_SECURE: Final[LiteralString] = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_account ON {table} FOR SELECT TO guiche_projections_reader
    USING (account_id = (SELECT current_setting('guiche.account')::uuid));
GRANT SELECT ON {table} TO guiche_projections_reader;
"""
_OWN: Final[tuple[LiteralString, ...]] = (
    _POSITION,
    PLUMBING_SQL["stream_version"],
    PLUMBING_SQL["parked"],
)


def schema(number: int) -> str:
    """Where a model's tables stand."""
    return f"rm_v{number}"


def address(url: str, number: int) -> str:
    """The database, with the tables of one model in front."""
    options = str(conninfo_to_dict(url).get("options") or "")
    path = f"-c search_path={schema(number)},projections"
    return make_conninfo(url, options=f"{options} {path}".strip())


def form(read_models: ReadModels) -> str:
    """Twelve hexadecimal digits that change with the tables or the fold of any read model."""
    parts = [*_OWN, _SECURE]
    for model in read_models:
        parts += _form_of(model)
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:12]


def _form_of(model: ReadModel[RowCache]) -> list[str]:
    folded = sorted(kind.TYPE for kind in model.fold.folded)
    return [model.name, model.create, model.indexes, str(model.fold.version), *folded]


async def make(conn: Connection, number: int, read_models: ReadModels) -> None:
    """Make the tables of a new model; `index` makes what only readers need."""
    await conn.execute("SELECT projections.create_model_schema(%s)", (number,))
    await at(conn, number)
    for statement in _OWN:
        await conn.execute(statement)
    for model in read_models:
        await conn.execute(model.create)
    for table in _tables(read_models):
        await conn.execute(sql.SQL(_SECURE).format(table=sql.Identifier(table)))
    await conn.execute("SET LOCAL search_path = projections")


async def index(conn: Connection, number: int, read_models: ReadModels) -> None:
    """Create the indexes that only readers need; takes as long as it takes."""
    await conn.execute("SET LOCAL statement_timeout = 0")
    await at(conn, number)
    for model in read_models:
        if model.indexes:
            await conn.execute(model.indexes)
    tables = [*_tables(read_models), "stream_version"]
    await conn.execute(sql.SQL("ANALYZE {}").format(_list(tables)))


async def drop(conn: Connection, number: int) -> None:
    """Drop the tables of a model."""
    await conn.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema(number))))


async def truncate(conn: Connection, read_models: ReadModels) -> None:
    """Empty the model that is in front on the search path."""
    tables = [*_tables(read_models), *OWN_TABLES]
    await conn.execute(sql.SQL("TRUNCATE {}").format(_list(tables)))


def _tables(read_models: ReadModels) -> list[str]:
    return [table.name for model in read_models for table in model.tables]


def _list(tables: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table) for table in tables)


async def at(conn: Connection, number: int) -> None:
    """For this transaction: the tables of one model in front."""
    path = sql.SQL("SET LOCAL search_path = {}, projections")
    await conn.execute(path.format(sql.Identifier(schema(number))))
