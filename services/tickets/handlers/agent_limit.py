"""Limit of tickets per agent: the slots are claims (design.md D3)."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from services.tickets.domain.people import Actor
from services.tickets.handlers import claims
from services.tickets.handlers.directory import Snapshot
from services.tickets.handlers.policies import actor_of
from services.tickets.storage.store import EventStore
from shared.contracts.directory import MOST_TICKETS

_NOBODY: Final = UUID(int=0)


async def with_slot(store: EventStore, account: UUID, actor: Actor) -> Actor:
    """The agent with a free slot, where there is a limit and it is not reached."""
    limit = actor.ticket_limit
    if limit is None:
        return actor
    # all that there may be, not only those up to the limit: it may have been higher before
    slots = [claims.agent_slot(actor.agent_id, n, _NOBODY) for n in range(1, MOST_TICKETS + 1)]
    held = await store.holders(account, [(one.kind, one.key) for one in slots])
    if len(held) >= limit:
        return actor
    free = (n for n, one in enumerate(slots, 1) if (one.kind, one.key) not in held)
    return replace(actor, slot=next(free))


async def active_agent(
    store: EventStore, directory: Snapshot, account: UUID, agent_id: UUID | None
) -> Actor | None:
    """The agent while they are active, with a slot where one is free; None for who has left."""
    if agent_id is None or directory.agent(account, agent_id) is None:
        return None
    return await with_slot(store, account, actor_of(directory, account, agent_id))
