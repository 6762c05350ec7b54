"""The parts that keep one model up to date: its pool, its consumer, and its loops."""

import asyncio
from dataclasses import dataclass
from typing import Final

from services.projections.adapters.consumer_groups import group_of
from services.projections.adapters.feed import Feed
from services.projections.adapters.kafka import Follower
from services.projections.adapters.model_supervisor import FollowedModel
from services.projections.adapters.parked import KeyParking
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.catch_up import CatchUp
from services.projections.handlers.project import Project
from services.projections.read_models import ReadModels
from services.projections.settings import Settings
from services.projections.storage import schemas
from shared.plumbing.loops import Lease, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer

_SERVICE: Final = "projections"
_LEASE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Following:
    """What all models of a process share; `moved` is notified when something was folded."""

    settings: Settings
    sealer: Sealer
    feed: Feed
    outbox: Outbox
    moved: asyncio.Condition
    read_models: ReadModels


def follow(shared: Following, number: int) -> FollowedModel:
    """The model of this number, ready to be started."""
    settings, feed = shared.settings, shared.feed
    pool = make_pool(schemas.address(settings.database_url, number), min_size=1, max_size=6)
    project = Project(pool, shared.outbox, feed, moved=shared.moved, read_models=shared.read_models)
    parking = ParkedVersions(pool, shared.sealer, _SERVICE)
    processor = BatchProcessor(project, KeyParking(parking, project))
    lease = Lease(pool, f"feed of model {number}", settings.instance, _LEASE_SECONDS)
    catch_up = CatchUp(pool, project, processor, feed, lease)
    follower = Follower(settings, group_of(settings, number), pool, processor, catch_up)
    loops = Loops()
    loops.add(f"follow model {number}", follower.run, interval_seconds=0.1)
    loops.add(f"parked of model {number}", parking.retry_due, interval_seconds=1.0)
    return FollowedModel(pool, loops, follower, parking)
