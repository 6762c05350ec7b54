"""Put together what folds one model in this process."""

from typing import Final

from services.projections.adapters.parked import KeyParking
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.ports import StreamFeed
from services.projections.handlers.project import Project
from services.projections.handlers.rebuild import ModelParts
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.storage import schemas
from services.projections.storage.batches import State
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer

_SERVICE: Final = "projections"


def model_parts(
    url: str,
    number: int,
    feed: StreamFeed,
    sealer: Sealer,
    turn: State,
    read_models: ReadModels = READ_MODELS,
) -> ModelParts:
    """Without an outbox: what folds so tells no screen. The pool is still closed."""
    pool = make_pool(schemas.address(url, number), min_size=1, max_size=6)
    project = Project(pool, None, feed, turn=turn, read_models=read_models)
    parking = KeyParking(ParkedVersions(pool, sealer, _SERVICE), project)
    return ModelParts(pool, project, BatchProcessor(project, parking), read_models)
