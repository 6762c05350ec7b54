"""A model has a form: a program folds only models of its own (see docs/decisions/0020).

Models of before have none. The view `model` is for programs of before: they see and fold only
those, while they are replaced.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_FORMS = """
ALTER TABLE model RENAME TO models;
ALTER TABLE models ADD COLUMN form text COLLATE "C";
CREATE VIEW model AS SELECT number, state, paused, created_at FROM models WHERE form IS NULL;
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(_FORMS)
