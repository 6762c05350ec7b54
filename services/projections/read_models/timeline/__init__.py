"""What was said in each conversation, and what happened to its tickets."""

from typing import Final

from services.projections.read_models.read_model import ReadModel
from services.projections.read_models.timeline import changes, fold, tables

TIMELINE: Final = ReadModel(
    name="timeline",
    rows=fold.TimelineRows,
    tables=tables.TABLES,
    create=tables.CREATE,
    indexes=tables.INDEXES,
    fold=fold.FOLD,
    load=tables.load,
    save=tables.save,
    changes=changes.changes,
)
