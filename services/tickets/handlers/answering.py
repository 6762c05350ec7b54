"""What is a person answered? The ticket as the command left it, now or the first time (D5)."""

from uuid import UUID

from services.tickets.domain.ticket import guards
from services.tickets.handlers.asked import Answered, Asked
from services.tickets.handlers.deciding import (
    PATIENCE_SECONDS,
    Decide,
    Deciding,
    Outcome,
    Settled,
)
from services.tickets.handlers.store import EventStore
from services.tickets.handlers.warm import TICKET, Warm, folded_to


class Answering:
    """Runs the commands of people; who waits hears within two seconds."""

    def __init__(self, deciding: Deciding, store: EventStore, warm: Warm) -> None:
        self._deciding = deciding
        self._store = store
        self._warm = warm

    async def state(self, account: UUID, agent_id: UUID, ticket_id: UUID) -> Answered:
        """The ticket as it is, and what this agent may do; raises RefusedError."""
        ticket = await self._warm.get(TICKET, ticket_id)
        self._warm.drop([ticket_id, *([ticket.state.conversation_id] if ticket.state else [])])
        asked = Asked(
            account=account,
            agent_id=agent_id,
            ticket_id=ticket_id,
            command_id=ticket_id,
            correlation="",
        )
        return _answered(Settled(await self._deciding.load(asked)))

    async def run(self, asked: Asked, verb: str, body: str, decided: Decide) -> Answered:
        """The answer of one command, or its first answer again; raises RefusedError."""
        request = f"{verb}:{asked.ticket_id}:{body}"
        settled = await self._deciding.settle(asked, request, decided, PATIENCE_SECONDS)
        if settled.first is None:
            return _answered(settled)
        return await self._replayed(settled, settled.first)

    async def _replayed(self, settled: Settled, first: Outcome) -> Answered:
        version = first.ticket_version
        events = await self._store.stream(settled.loaded.ticket.id, 1, version)
        ticket = folded_to(events, TICKET, version)
        last = await self._store.stream(first.stream, first.version, 1)
        answer = _answered(settled)
        return Answered(
            ticket=ticket or answer.ticket,
            version=version,
            log_id=last[0].log_id if last else answer.log_id,
            window_closes_at=answer.window_closes_at,
            allowed=answer.allowed,
            message_id=answer.message_id,
        )


def _answered(settled: Settled) -> Answered:
    loaded, position = settled.loaded, settled.position
    open_until = loaded.said.window_closes_at
    return Answered(
        ticket=loaded.state,
        version=loaded.ticket.version,
        log_id=loaded.ticket.log_id if position is None else position,
        window_closes_at=open_until,
        allowed=guards.allowed(
            loaded.state, loaded.actor, loaded.policies, open_until, loaded.flow_id, loaded.at
        ),
        message_id=settled.message_id,
    )
