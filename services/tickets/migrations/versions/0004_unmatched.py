"""What webhooks tell of a message that nobody knows, without saying who the customer is."""

from alembic import op

revision = "0004"
down_revision = "0003"

_UNMATCHED = """
CREATE TABLE unmatched (
    account uuid NOT NULL,
    key bytea NOT NULL,
    wamid_hash bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    type text COLLATE "C" NOT NULL,
    correlation text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (account, key)
);
"""
_GRANT = """
DO $$
DECLARE service text := coalesce(to_regrole('guiche_tickets')::text, quote_ident(current_user));
BEGIN
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON unmatched TO ' || service;
END $$;
"""


def upgrade() -> None:
    """Create the table."""
    for sql in (_UNMATCHED, _GRANT):
        op.execute(sql)
