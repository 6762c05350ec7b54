"""How much numbers and pairs may send now: shared by all processes, locked by number."""

from alembic import op

revision = "0003"
down_revision = "0002"

# `at` is in seconds since 1970 by the database's clock; a bucket of 1970 is full by now.
_NUMBER_PACE = """
CREATE TABLE number_pace (
    connection_id uuid PRIMARY KEY,
    tokens double precision NOT NULL DEFAULT 0,
    at double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO number_pace (connection_id) SELECT DISTINCT connection_id FROM queue;
"""
_PAIR_PACE = """
CREATE TABLE pair_pace (
    conversation_id uuid PRIMARY KEY,
    tokens double precision NOT NULL,
    at double precision NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
"""


def upgrade() -> None:
    """Create the tables; every number that has rows has a level."""
    for statement in (_NUMBER_PACE, _PAIR_PACE):
        op.execute(statement)
