"""The read models: a folder and a line each; one may read those before it."""

from typing import Any, Final, TypeAlias

from services.projections.read_models.cards import CARDS
from services.projections.read_models.contacts import CONTACTS
from services.projections.read_models.messages import MESSAGES
from services.projections.read_models.read_model import ReadModel
from services.projections.read_models.timeline import TIMELINE

ReadModels: TypeAlias = tuple[ReadModel[Any], ...]

READ_MODELS: Final[ReadModels] = (
    CONTACTS,
    MESSAGES,
    CARDS,
    TIMELINE,
)
