"""The people who write to an account."""

from typing import Final

from services.projections.read_models.contacts import fold, tables
from services.projections.read_models.read_model import ReadModel

CONTACTS: Final = ReadModel(
    name="contacts",
    rows=fold.ContactRows,
    tables=tables.TABLES,
    create=tables.CREATE,
    indexes=tables.INDEXES,
    fold=fold.FOLD,
    load=tables.load,
    save=tables.save,
)
