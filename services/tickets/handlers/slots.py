"""Has an agent room for one more ticket? The slots of a limit are claims (design.md D3).

A slot goes with the ownership: what an append does to the owner says what it takes and releases,
so two tickets that are accepted at once never share one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from services.tickets.domain.people import Actor
from services.tickets.domain.ticket import evolve
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers import claims
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.policies import actor_of
from services.tickets.handlers.store import Claim, EventStore
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


async def owner_of(
    store: EventStore, directory: DirectoryView, account: UUID, agent_id: UUID | None
) -> Actor | None:
    """Who held a ticket last, while they are still active; with a slot, where one is free."""
    snapshot = directory.snapshot()
    if agent_id is None or snapshot.agent(account, agent_id) is None:
        return None
    return await with_slot(store, account, actor_of(snapshot, account, agent_id))


def changed(ticket: Ticket, events: Sequence[TicketEvent]) -> tuple[list[Claim], list[Claim]]:
    """What these events take, and what they release."""
    before, after = _slot(ticket), _slot(evolve.after(ticket, events))
    return ([], []) if before == after else (after, before)


def _slot(ticket: Ticket) -> list[Claim]:
    if ticket.owner_id is None or ticket.slot is None:
        return []
    return [claims.agent_slot(ticket.owner_id, ticket.slot, ticket.id)]
