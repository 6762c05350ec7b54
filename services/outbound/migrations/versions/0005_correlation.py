"""Which trace a row belongs to: what becomes of it is told under the correlation of its command."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.execute('ALTER TABLE queue ADD COLUMN correlation text COLLATE "C"')
