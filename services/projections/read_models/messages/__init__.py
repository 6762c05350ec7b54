"""What became of each message."""

from typing import Final

from services.projections.read_models.messages import fold, tables
from services.projections.read_models.read_model import ReadModel

MESSAGES: Final = ReadModel(
    name="messages",
    rows=fold.MessageRows,
    tables=tables.TABLES,
    create=tables.CREATE,
    indexes=tables.INDEXES,
    fold=fold.FOLD,
    load=tables.load,
    save=tables.save,
)
