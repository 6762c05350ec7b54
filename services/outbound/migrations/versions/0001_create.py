"""The queue, its attempts, and what is known of windows, numbers, workers and orphan statuses."""

from alembic import op

from shared.plumbing.migrations import PLUMBING_SQL

revision = "0001"
down_revision = None

_QUEUE = """
CREATE TABLE queue (
    message_id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('send', 'receipt')),
    key bytea NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    conversation_id uuid,
    ticket_id uuid,
    after uuid,
    identities bytea[] NOT NULL,
    window_closes_at timestamptz,
    state text COLLATE "C" NOT NULL CHECK (state IN
        ('queued', 'sending', 'accepted', 'refused', 'unknown', 'cancelled', 'dead')),
    sealed bytea,
    queued_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    refusals integer NOT NULL DEFAULT 0,
    session uuid,
    started_at timestamptz,
    wamid_hash bytea,
    told smallint NOT NULL DEFAULT 0,
    reason text,
    settled_at timestamptz,
    CHECK (kind = 'receipt' OR (conversation_id IS NOT NULL AND ticket_id IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX queue_due ON queue (connection_id, next_attempt_at, seq) WHERE state = 'queued';
CREATE INDEX queue_lane ON queue (conversation_id, seq) WHERE state IN ('queued', 'sending');
CREATE INDEX queue_sending ON queue (session) WHERE state = 'sending';
CREATE INDEX queue_unknown ON queue (queued_at) WHERE state = 'unknown';
"""
_ATTEMPT = """
CREATE TABLE attempt (
    message_id uuid NOT NULL,
    number integer NOT NULL,
    session uuid NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text COLLATE "C",
    code integer,
    PRIMARY KEY (message_id, number)
);
"""
_LAST_INBOUND = """
CREATE TABLE last_inbound (
    connection_id uuid NOT NULL,
    identity bytea NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (connection_id, identity)
);
"""
_HOLD = """
CREATE TABLE hold (
    connection_id uuid PRIMARY KEY,
    error_class text COLLATE "C" NOT NULL,
    code integer NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL
);
"""
_WORKER = """
CREATE TABLE worker (
    instance text COLLATE "C" PRIMARY KEY,
    session uuid NOT NULL,
    seen_at timestamptz NOT NULL
);
"""
_ORPHAN_STATUS = """
CREATE TABLE orphan_status (
    message_id uuid NOT NULL,
    type text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    kept_at timestamptz NOT NULL,
    PRIMARY KEY (message_id, type)
);
"""


def upgrade() -> None:
    """Create the tables."""
    own = (_QUEUE, _ATTEMPT, _LAST_INBOUND, _HOLD, _WORKER, _ORPHAN_STATUS)
    for statement in (*own, PLUMBING_SQL["outbox"], PLUMBING_SQL["parked"]):
        op.execute(statement)
