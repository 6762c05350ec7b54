"""A timer that fails waits longer each time, and says how often and why."""

from alembic import op

revision = "0002"
down_revision = "0001"

# `due` stays what it was: how late a timer is must be seen. NULL: at its time, like a new one.
_ATTEMPTS = """
ALTER TABLE timer
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN next_attempt_at timestamptz,
    ADD COLUMN last_error text COLLATE "C";
CREATE INDEX timer_failing ON timer (due) WHERE attempts > 0;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(_ATTEMPTS)
