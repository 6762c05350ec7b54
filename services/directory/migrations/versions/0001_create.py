"""Entities that are published, and what never is: logins, refresh tokens, secrets."""

from alembic import op

from shared.plumbing.migrations import PLUMBING_SQL

revision = "0001"
down_revision = None

_ENTITY = """
CREATE TABLE entity (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    type text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX entity_account ON entity (account_id, type);
"""
_LOGIN = """
CREATE TABLE login (
    login text COLLATE "C" PRIMARY KEY,
    account_id uuid NOT NULL,
    agent_id uuid NOT NULL REFERENCES entity (id),
    password_hash text NOT NULL
);
"""
_REFRESH_TOKEN = """
CREATE TABLE refresh_token (
    hash bytea PRIMARY KEY,
    family uuid NOT NULL,
    agent_id uuid NOT NULL REFERENCES entity (id),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_family ON refresh_token (family);
"""
_APP = """
CREATE TABLE app (
    id text COLLATE "C" PRIMARY KEY,
    account_id uuid NOT NULL,
    waba_ids text[] NOT NULL
);
"""
_SECRET = """
CREATE TABLE secret (
    kind text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (kind, owner)
);
"""


def upgrade() -> None:
    """Create the tables."""
    for statement in (_ENTITY, _LOGIN, _REFRESH_TOKEN, _APP, _SECRET, PLUMBING_SQL["outbox"]):
        op.execute(statement)
