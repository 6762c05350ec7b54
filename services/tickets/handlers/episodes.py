"""Choose the ticket of a message: the open one, a reopened one, or a new one."""

from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.inbound_effects import Effect
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import opening
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.entering import Entry, entry
from services.tickets.domain.ticket.opening import OpenByInbound
from services.tickets.domain.ticket.pausing import ReceiveWhilePaused
from services.tickets.domain.ticket.reopening import ReopenByInbound
from services.tickets.domain.ticket.state import OPEN, Ticket
from services.tickets.handlers import agent_limit, claims
from services.tickets.handlers.directory import Snapshot
from services.tickets.handlers.execution import Changes, CommandContext, CommandExecutor
from services.tickets.handlers.ports import NewId
from services.tickets.handlers.protocol_numbers import ProtocolNumbers
from services.tickets.storage.state_cache import TICKET, Versioned
from shared.contracts.directory import ConnectionChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeContext(CommandContext):
    """A message and the ticket it goes to; `previous` is the newest ticket before it."""

    ticket: Versioned[Ticket]
    conversation: Versioned[Conversation]
    previous: Versioned[Ticket] | None
    directory: Snapshot
    policies: Policies
    connection: ConnectionChanged
    group: bool
    message_id: UUID

    @property
    def account(self) -> UUID:
        """Whose ticket it is."""
        return self.request.account


class Episodes:
    """Finds the contact's newest ticket on a connection, and opens or reopens."""

    def __init__(
        self, executor: CommandExecutor, protocol_numbers: ProtocolNumbers, new_id: NewId
    ) -> None:
        self._executor = executor
        self._protocol_numbers = protocol_numbers
        self._new_id = new_id

    async def newest(
        self, account: UUID, claim_key: bytes, last: UUID | None, open_ticket: UUID | None
    ) -> Versioned[Ticket] | None:
        """The open ticket; else `last`, the one that was spoken in last.

        `open_ticket` is what a lost race has told of the claim.
        """
        if open_ticket is not None:
            return await self._open_ticket(open_ticket)
        if last is None:
            return None
        held = await self._executor.cache.get(TICKET, last)
        if held.state is None or held.state.lifecycle in OPEN:
            return held
        key = (claims.OPEN_TICKET, claim_key)
        holder = (await self._executor.store.holders(account, [key])).get(key)
        if holder is None:
            return held
        return await self._open_ticket(UUID(bytes=holder))  # it, or an older one, was reopened

    async def _open_ticket(self, ticket_id: UUID) -> Versioned[Ticket]:
        """The ticket that the claim calls open: where we remember it closed, we are late."""
        cache = self._executor.cache
        held = await cache.get(TICKET, ticket_id)
        if held.state is not None and held.state.lifecycle in OPEN:
            return held
        cache.drop([ticket_id])
        return await cache.get(TICKET, ticket_id)

    async def ticket_for(
        self, effect: Effect, newest: Versioned[Ticket] | None
    ) -> Versioned[Ticket]:
        """The ticket that the message goes to: the newest, or one that does not exist yet."""
        if effect is Effect.OPEN or newest is None or newest.state is None:
            return await self._executor.cache.get(TICKET, self._new_id())
        return newest

    async def changes(self, context: EpisodeContext, effect: Effect) -> Changes:
        """What the message does to its ticket."""
        if context.ticket.state is None:
            return await self._opened(context)
        match effect:
            case Effect.REOPEN:
                return await self._reopened(context, context.ticket.state)
            case Effect.OPEN | Effect.APPEND | Effect.APPEND_AFTER_CLOSE:
                received = ReceiveWhilePaused(
                    message_id=context.message_id, at=context.at, policies=context.policies
                )
                return Changes(ticket=decide(context.ticket.state, received))
            case _:
                assert_never(effect)

    async def _reopened(self, context: EpisodeContext, ticket: Ticket) -> Changes:
        owner = await agent_limit.active_agent(
            self._executor.store, context.directory, context.account, ticket.last_owner_id
        )
        command = ReopenByInbound(last_owner=owner, at=context.at, policies=context.policies)
        return Changes(ticket=decide(ticket, command))

    async def _opened(self, context: EpisodeContext) -> Changes:
        zone = context.directory.account(context.account).timezone
        protocol = await self._protocol_numbers.next(context.account, zone, context.at)
        ticket_id, previous = context.ticket.id, context.previous
        enters = _entry(context)
        command = OpenByInbound(
            ticket_id=ticket_id,
            message_id=context.message_id,
            contact_id=context.contact.id,
            connection_id=context.connection.id,
            conversation_id=context.conversation.id,
            protocol=protocol,
            sector_id=enters.sector_id,
            flow_id=enters.flow_id,
            previous_ticket_id=None if previous is None else previous.id,
            at=context.at,
            policies=context.policies,
        )
        events = opening.decide(command)
        return Changes(ticket=events, claims=[claims.protocol(protocol, ticket_id)])


def _entry(context: EpisodeContext) -> Entry:
    """Who answers first, and where the ticket waits."""
    # automatic messages never go to groups (domain.md 2.6)
    enters_flow = context.connection.entry == "flow" and not context.group
    flow_id = context.connection.flow_id if enters_flow else None
    usual = Entry(flow_id, context.connection.sector_id)
    previous = context.previous and context.previous.state
    sector_id = previous and previous.sector_id
    sector = sector_id and context.directory.sector(context.account, sector_id)
    active = sector_id is None or (sector is not None and sector.active)
    return entry(usual, previous, context.policies, context.at, active=active)
