"""Counters of views for live screens, asked once for all screens of one scope."""

import asyncio
from uuid import UUID

from services.gateway.adapters.services import Projections
from services.gateway.domain.access import Person, scope_of
from shared.contracts.inbox import VIEWS
from shared.contracts.internal_api import CountsQuery, ViewCount


class Counting:
    """Shares one question among the screens that would ask the same (account and sight)."""

    def __init__(self, projections: Projections, pause_seconds: float) -> None:
        self._projections = projections
        self._pause_seconds = pause_seconds
        self._asked: dict[tuple[UUID, str], asyncio.Task[list[ViewCount]]] = {}

    async def counts(self, person: Person) -> list[ViewCount]:
        """Absolute counters, not older than this call; waits a moment so that others join."""
        scope = scope_of(person)
        key = (person.account_id, scope.model_dump_json())
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(person, key))
            self._asked[key] = task
        return await asyncio.shield(task)

    async def _ask(self, person: Person, key: tuple[UUID, str]) -> list[ViewCount]:
        try:
            await asyncio.sleep(self._pause_seconds)
        finally:
            self._asked.pop(key, None)  # who comes later may have seen a later change
        answer = await self._projections.counts(person, CountsQuery(scope=scope_of(person)))
        return answer.counts


def per_view(counts: list[ViewCount]) -> dict[str, int]:
    """Counters summed per view; a view without tickets counts 0."""
    totals: dict[str, int] = dict.fromkeys(VIEWS, 0)
    for count in counts:
        totals[count.view] += count.tickets
    return totals
