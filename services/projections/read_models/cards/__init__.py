"""The tickets as the views list them, and how many stand in each view."""

from typing import Final

from services.projections.read_models.cards import changes, fold, tables
from services.projections.read_models.read_model import ReadModel

CARDS: Final = ReadModel(
    name="cards",
    rows=fold.CardRows,
    tables=tables.TABLES,
    create=tables.CREATE,
    indexes=tables.INDEXES,
    fold=fold.FOLD,
    load=tables.load,
    save=tables.save,
    changes=changes.changes,
)
