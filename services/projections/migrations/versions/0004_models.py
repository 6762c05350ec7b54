"""Several models beside each other, each in a schema of its own; readers follow one pointer (D6)."""

from alembic import op

revision = "0004"
down_revision = "0003"

_SCHEMA = "SELECT projections.create_model_schema(1)"
_MOVE = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['card', 'aguardando', 'atendendo', 'resolvidos', 'bot', 'contact',
        'timeline', 'fate', 'counter', 'position', 'stream_version', 'parked'] LOOP
        EXECUTE format('ALTER TABLE %I SET SCHEMA rm_v1', name);
    END LOOP;
END
$$;
REVOKE SELECT ON rm_v1.stream_version, rm_v1.parked FROM guiche_projections_reader;
ALTER TABLE rm_v1.position ADD COLUMN last_event bigint;
UPDATE rm_v1.position SET last_event = log_id;
ALTER TABLE rm_v1.position ALTER COLUMN last_event SET NOT NULL;
"""
_MODEL = """
CREATE TABLE model (
    number integer PRIMARY KEY,
    state text COLLATE "C" NOT NULL CHECK (state IN ('building', 'following', 'verifying')),
    paused boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE pointer (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    model integer NOT NULL REFERENCES model,
    previous integer REFERENCES model ON DELETE SET NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO model (number, state) VALUES (1, 'following');
INSERT INTO pointer (model) VALUES (1);
"""


def upgrade() -> None:
    """The tables there are become model 1."""
    for statement in (_SCHEMA, _MOVE, _MODEL):
        op.execute(statement)
