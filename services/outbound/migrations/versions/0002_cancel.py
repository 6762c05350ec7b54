"""The wish to take back a message that is under way."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what the first form did not have."""
    op.execute("ALTER TABLE queue ADD COLUMN cancel text")
