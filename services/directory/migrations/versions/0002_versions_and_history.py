"""Entities get a version, what the seed last declared, a folded name, and a history."""

import unicodedata

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"

_ENTITY = """
ALTER TABLE entity
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    ADD COLUMN declared jsonb,
    ADD COLUMN folded_name text COLLATE "C" NOT NULL DEFAULT '';
UPDATE entity SET declared = body;
DROP INDEX entity_account;
CREATE INDEX entity_listed ON entity (account_id, type, folded_name, id);
"""
_HISTORY = """
CREATE TABLE entity_history (
    entity_id uuid NOT NULL REFERENCES entity (id),
    version bigint NOT NULL,
    account_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    before jsonb,
    after jsonb NOT NULL,
    PRIMARY KEY (entity_id, version)
);
"""
_REFRESH_TOKEN = "CREATE INDEX refresh_token_agent ON refresh_token (agent_id);"


def upgrade() -> None:
    """Everything stored so far came from a seed: its body is what was declared."""
    op.execute(_ENTITY)
    op.execute(_HISTORY)
    op.execute(_REFRESH_TOKEN)
    connection = op.get_bind()
    for id_, name in connection.execute(text("SELECT id, body->>'name' FROM entity")).all():
        connection.execute(
            text("UPDATE entity SET folded_name = :name WHERE id = :id"),
            {"id": id_, "name": _folded(name)},
        )


def _folded(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())
