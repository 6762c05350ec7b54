"""Snapshots of long streams: what a fold gave at a version; may be dropped at any time."""

from alembic import op

revision = "0002"
down_revision = "0001"

_SNAPSHOT = """
CREATE TABLE snapshot (
    stream uuid PRIMARY KEY,
    account uuid NOT NULL,
    key uuid NOT NULL,
    form text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    log_id bigint NOT NULL,
    state bytea NOT NULL
);
"""
_GRANT = """
DO $$
DECLARE service text := coalesce(to_regrole('guiche_tickets')::text, quote_ident(current_user));
BEGIN
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON snapshot TO ' || service;
END $$;
"""


def upgrade() -> None:
    """Create the table."""
    for sql in (_SNAPSHOT, _GRANT):
        op.execute(sql)
