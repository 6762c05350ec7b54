"""Which tables does a model have? The one source of every schema `rm_v<N>`.

Model 1 was made by migrations; a test holds that both ways give the same. What changes here needs
a migration for the models that exist.
"""

from typing import Final, LiteralString

from psycopg import sql

from services.projections.handlers.ports import Connection
from shared.plumbing.migrations import PLUMBING_SQL

_CARD: Final = """
CREATE TABLE card (
    ticket_id uuid NOT NULL,
    account_id uuid NOT NULL,
    view text COLLATE "C" NOT NULL,
    contact_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    sector_id uuid,
    owner_id uuid,
    protocol text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    unread integer NOT NULL,
    sort_at timestamptz NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (view, ticket_id)
) PARTITION BY LIST (view);
CREATE TABLE aguardando PARTITION OF card FOR VALUES IN ('aguardando');
CREATE TABLE atendendo PARTITION OF card FOR VALUES IN ('atendendo');
CREATE TABLE resolvidos PARTITION OF card FOR VALUES IN ('resolvidos');
CREATE TABLE bot PARTITION OF card FOR VALUES IN ('bot');
CREATE INDEX card_ticket ON card (ticket_id);
"""
_CONTACT: Final = """
CREATE TABLE contact (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    name text,
    phone text
);
"""
_TIMELINE: Final = """
CREATE TABLE timeline (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    body json NOT NULL
);
CREATE TABLE fate (
    message_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    body json NOT NULL
);
"""
_COUNTER: Final = """
CREATE TABLE counter (
    partition integer NOT NULL,
    account_id uuid NOT NULL,
    view text COLLATE "C" NOT NULL,
    sector_id uuid,
    owner_id uuid,
    tickets bigint NOT NULL
);
CREATE UNIQUE INDEX counter_key ON counter (partition, account_id, view, sector_id, owner_id)
    NULLS NOT DISTINCT;
"""
_POSITION: Final = """
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
_SECURITY: Final = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['card', 'contact', 'timeline', 'fate', 'counter'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY one_account ON %I FOR SELECT TO guiche_projections_reader'
            ' USING (account_id = current_setting(''guiche.account'')::uuid)', name);
        EXECUTE format('GRANT SELECT ON %I TO guiche_projections_reader', name);
    END LOOP;
END
$$;
"""
# What only readers need: cheaper to make once over all rows than row by row.
_FOR_READERS: Final = """
CREATE INDEX IF NOT EXISTS card_page ON card (account_id, sort_at, ticket_id);
CREATE INDEX IF NOT EXISTS card_sector_page ON card (account_id, sector_id, sort_at, ticket_id);
CREATE INDEX IF NOT EXISTS card_owner ON card (account_id, owner_id, sort_at, ticket_id);
CREATE INDEX IF NOT EXISTS card_contact ON card (contact_id);
CREATE INDEX IF NOT EXISTS timeline_page ON timeline (conversation_id, seq);
CREATE INDEX IF NOT EXISTS counter_account ON counter (account_id, view);
ANALYZE card, contact, timeline, fate, counter, stream_version;
"""
_MADE: Final[tuple[LiteralString, ...]] = (
    _CARD,
    _CONTACT,
    _TIMELINE,
    _COUNTER,
    _POSITION,
    _SECURITY,
    PLUMBING_SQL["stream_version"],
    PLUMBING_SQL["parked"],
)


def schema(number: int) -> str:
    """Where a model's tables stand."""
    return f"rm_v{number}"


async def make(conn: Connection, number: int) -> None:
    """Make the tables of a new model; what readers need besides is made by `index`."""
    await conn.execute("SELECT projections.create_model_schema(%s)", (number,))
    await _at(conn, number)
    for statement in _MADE:
        await conn.execute(statement)
    await conn.execute("SET LOCAL search_path = projections")


async def index(conn: Connection, number: int) -> None:
    """Make a built model fit for readers; takes as long as it takes."""
    await conn.execute("SET LOCAL statement_timeout = 0")
    await _at(conn, number)
    await conn.execute(_FOR_READERS)


async def drop(conn: Connection, number: int) -> None:
    """End the tables of a model."""
    await conn.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema(number))))


async def _at(conn: Connection, number: int) -> None:
    path = sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema(number)))
    await conn.execute(path)
