"""Parked events; bodies as text: they are read whole, and may hold what jsonb refuses."""

from alembic import op

from shared.plumbing.migrations import PLUMBING_SQL

revision = "0002"
down_revision = "0001"

_BODIES = """
ALTER TABLE card ALTER COLUMN body TYPE json;
ALTER TABLE timeline ALTER COLUMN body TYPE json;
ALTER TABLE fate ALTER COLUMN body TYPE json;
"""


def upgrade() -> None:
    """Add what the first form did not have."""
    for statement in (PLUMBING_SQL["parked"], _BODIES):
        op.execute(statement)
