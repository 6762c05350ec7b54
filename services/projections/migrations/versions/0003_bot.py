"""Tickets that a flow answers stand in a view of their own: nobody waits for a person there."""

from alembic import op

revision = "0003"
down_revision = "0002"

_BOT = """
CREATE TABLE bot PARTITION OF card FOR VALUES IN ('bot');
REVOKE SELECT ON bot FROM guiche_projections_reader;
"""


def upgrade() -> None:
    """Create its partition."""
    op.execute(_BOT)
