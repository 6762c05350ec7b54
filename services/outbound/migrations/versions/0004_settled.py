"""What settled rows are found by when their time is over, and what operators ruled of unknown ones."""

from alembic import op

revision = "0004"
down_revision = "0003"

_SETTLED = """
CREATE INDEX queue_settled ON queue (settled_at)
    WHERE state IN ('accepted', 'refused', 'cancelled', 'dead')
"""
_RULING = """
CREATE TABLE ruling (
    message_id uuid PRIMARY KEY,
    ruled_at timestamptz NOT NULL,
    reason text NOT NULL
)
"""


def upgrade() -> None:
    """Add what the first form did not have."""
    for statement in (_SETTLED, _RULING):
        op.execute(statement)
