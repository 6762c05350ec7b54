"""Events that cannot be folded: sealed in `parked`, tried again in their order (D13)."""

from collections.abc import Sequence
from typing import Final

from services.projections.adapters.event_decoder import from_topic
from services.projections.handlers.ports import Delivery
from services.projections.handlers.project import Project
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.kafka import Received
from shared.plumbing.parking import Parking

_TOPIC: Final = TICKETS_EVENTS.name


class KeyParking:
    """The keys that parked events hold, and how those events are tried again."""

    def __init__(self, parking: Parking, project: Project) -> None:
        self._parking = parking
        self._project = project
        parking.handles(_TOPIC, self._again)

    async def held(self, keys: Sequence[bytes]) -> set[bytes]:
        """Which of the keys are held."""
        return await self._parking.held(_TOPIC, keys)

    async def park(self, delivery: Delivery, reason: str) -> None:
        """Keep the delivery, once."""
        await self._parking.park(_TOPIC, delivery.record(), reason, holds=True)

    async def _again(self, received: Received) -> None:
        await self._project.retry(from_topic(received))
