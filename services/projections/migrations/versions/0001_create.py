"""The read models, their counters and positions; queries see one account only."""

from alembic import op

from shared.plumbing.migrations import PLUMBING_SQL

revision = "0001"
down_revision = None

_CARD = """
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
    body jsonb NOT NULL,
    PRIMARY KEY (view, ticket_id)
) PARTITION BY LIST (view);
CREATE TABLE aguardando PARTITION OF card FOR VALUES IN ('aguardando');
CREATE TABLE atendendo PARTITION OF card FOR VALUES IN ('atendendo');
CREATE TABLE resolvidos PARTITION OF card FOR VALUES IN ('resolvidos');
CREATE INDEX card_page ON card (account_id, sort_at, ticket_id);
CREATE INDEX card_sector_page ON card (account_id, sector_id, sort_at, ticket_id);
CREATE INDEX card_owner ON card (account_id, owner_id, sort_at, ticket_id);
CREATE INDEX card_contact ON card (contact_id);
CREATE INDEX card_ticket ON card (ticket_id);
"""
_CONTACT = """
CREATE TABLE contact (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    name text,
    phone text
);
"""
_TIMELINE = """
CREATE TABLE timeline (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    body jsonb NOT NULL
);
CREATE INDEX timeline_page ON timeline (conversation_id, seq);
CREATE TABLE fate (
    message_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    body jsonb NOT NULL
);
"""
_COUNTER = """
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
CREATE INDEX counter_account ON counter (account_id, view);
"""
_POSITION = """
CREATE TABLE position (
    partition integer PRIMARY KEY,
    epoch integer NOT NULL,
    log_id bigint NOT NULL,
    kafka_offset bigint,
    follow_from timestamptz
);
"""
_SECURITY = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['card', 'contact', 'timeline', 'fate', 'counter'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY one_account ON %I FOR SELECT TO guiche_projections_reader'
            ' USING (account_id = current_setting(''guiche.account'')::uuid)', name);
        EXECUTE format('GRANT SELECT ON %I TO guiche_projections_reader', name);
    END LOOP;
    REVOKE SELECT ON aguardando, atendendo, resolvidos FROM guiche_projections_reader;
    GRANT SELECT ON position TO guiche_projections_reader;
END
$$;
"""


def upgrade() -> None:
    """Create the tables."""
    plumbing = (PLUMBING_SQL[name] for name in ("outbox", "lease", "stream_version"))
    for statement in (_CARD, _CONTACT, _TIMELINE, _COUNTER, _POSITION, _SECURITY, *plumbing):
        op.execute(statement)
