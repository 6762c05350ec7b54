"""Flows and their versions; sessions, their sealed events, timers; what is known of tickets."""

from alembic import op

from shared.plumbing.migrations import PLUMBING_SQL

revision = "0001"
down_revision = None

_FLOW_VERSION = """
CREATE TABLE flow_version (
    flow_id uuid NOT NULL,
    version integer NOT NULL,
    account_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    hash text COLLATE "C" NOT NULL,
    definition json NOT NULL,
    sectors json NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (flow_id, version)
);
CREATE FUNCTION never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a flow never changes';
END
$$;
CREATE TRIGGER flow_version_never_changes BEFORE UPDATE ON flow_version
    FOR EACH ROW EXECUTE FUNCTION never_changes();
"""
_SESSION = """
CREATE TABLE session (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    flow_id uuid NOT NULL,
    version integer NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('noted', 'running', 'ended')),
    node text COLLATE "C",
    step integer NOT NULL,
    events integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text COLLATE "C"
) WITH (fillfactor = 70);
CREATE INDEX session_ticket ON session (ticket_id) WHERE state <> 'ended';
CREATE INDEX session_state ON session (state) WHERE state <> 'ended';
CREATE TABLE session_event (
    session_id uuid NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    number integer NOT NULL,
    kind text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (session_id, number)
);
CREATE TABLE unsent_message (
    message_id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES session (id) ON DELETE CASCADE
);
"""
_TIMER = """
CREATE TABLE timer (
    session_id uuid PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    timer_id uuid NOT NULL,
    due timestamptz NOT NULL,
    leased_until timestamptz
);
CREATE INDEX timer_due ON timer (due);
"""
_KNOWN = """
CREATE TABLE contact (
    id uuid PRIMARY KEY,
    sealed_name bytea
);
CREATE TABLE ticket (
    id uuid PRIMARY KEY,
    protocol text NOT NULL
);
"""
_POSITION = """
CREATE TABLE position (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch integer NOT NULL,
    log_id bigint NOT NULL,
    seen_at timestamptz
);
"""


def upgrade() -> None:
    """Create the tables."""
    own = (_FLOW_VERSION, _SESSION, _TIMER, _KNOWN, _POSITION)
    plumbing = (PLUMBING_SQL[name] for name in ("outbox", "parked", "lease", "stream_version"))
    for statement in (*own, *plumbing):
        op.execute(statement)
