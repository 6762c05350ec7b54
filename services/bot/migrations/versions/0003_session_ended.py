"""Sessions that ended long ago are found without reading all of them."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the index."""
    op.execute("CREATE INDEX session_ended ON session (ended_at) WHERE state = 'ended'")
