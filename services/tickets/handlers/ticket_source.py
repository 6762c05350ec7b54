"""Commands about one ticket: what is loaded for a decision of a person, a flow or a timer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers import agent_limit, automatic_texts, claims, session_end
from services.tickets.handlers.directory import DirectoryView, Snapshot
from services.tickets.handlers.execution import Changes, CommandContext, CommandExecutor
from services.tickets.handlers.policies import actor_of, policies_of
from services.tickets.handlers.requests import NotFoundError, TicketRequest, VersionMismatchError
from services.tickets.storage.contract import Stale, Taken
from services.tickets.storage.state_cache import CONTACT, CONVERSATION, TICKET, Versioned
from shared.contracts.directory import CloseReasonChanged, ConnectionChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketContext(CommandContext):
    """A ticket with its conversation and contact, and the directory of now."""

    request: TicketRequest
    ticket: Versioned[Ticket]
    conversation: Versioned[Conversation]
    directory: Snapshot
    policies: Policies
    connection: ConnectionChanged
    agent: Actor | None = None  # None: a machine asks
    return_to: Actor | None = None  # who gave the ticket to its flow, while still active

    @property
    def account(self) -> UUID:
        """Whose ticket it is."""
        return self.request.account

    @property
    def actor(self) -> Actor:
        """The agent who asks; raises ForbiddenError where a machine does."""
        if self.agent is None:
            raise refusals.ForbiddenError
        return self.agent

    @property
    def state(self) -> Ticket:
        """The ticket; raises NotFoundError."""
        if self.ticket.state is None:
            raise NotFoundError
        return self.ticket.state

    @property
    def messages(self) -> Conversation:
        """The conversation, empty before anything was said."""
        return self.conversation.state or Conversation()

    @property
    def flow_id(self) -> UUID | None:
        """The flow that may be started: the connection's, and never for a group (domain.md 2.6)."""
        group = self.contact.state is not None and self.contact.state.group
        return None if group else self.connection.flow_id

    @property
    def entry_sector_id(self) -> UUID | None:
        """Where a ticket waits that nobody has put into a sector."""
        return self.connection.sector_id or self.policies.default_sector_id

    def sector_is_active(self, sector_id: UUID) -> bool:
        """Whether tickets may be put into this sector."""
        sector = self.directory.sector(self.account, sector_id)
        return sector is not None and sector.active

    def close_reason_is_usable(self, reason_id: UUID | None) -> bool:
        """Whether a ticket of this sector may be closed with this reason, or without (None)."""
        if reason_id is None:
            return True
        found = self.directory.find(CloseReasonChanged, self.account, reason_id)
        return found is not None and found.active and found.is_for(self.state.sector_id)


Decide = Callable[[TicketContext], Awaitable[Changes]]


class TicketSource:
    """The `Source` of commands about a ticket that exists."""

    def __init__(
        self,
        executor: CommandExecutor,
        directory: DirectoryView,
        request: TicketRequest,
        decide: Decide,
    ) -> None:
        self._executor = executor
        self._directory = directory
        self._request = request
        self._decide = decide

    async def lock_key(self) -> object:
        """The ticket's contact. Raises NotFoundError."""
        return (await self._ticket())[1].contact_id

    async def load(self) -> TicketContext:
        """See `Source`. Raises NotFoundError, ForbiddenError."""
        ticket, state = await self._ticket()
        held = await self._executor.cache.all(
            {
                state.contact_id: CONTACT,
                state.conversation_id: CONVERSATION,
                ticket.id: TICKET,
            }
        )
        directory, account = self._directory.snapshot(), self._request.account
        return TicketContext(
            request=self._request,
            at=self._executor.now(),
            contact=held[state.contact_id],
            conversation=held[state.conversation_id],
            ticket=held[ticket.id],
            directory=directory,
            policies=policies_of(directory, account),
            connection=directory.connection(account, state.connection_id),
            agent=await self._agent(directory, state),
            return_to=await agent_limit.active_agent(
                self._executor.store, directory, account, state.return_to
            ),
        )

    async def decide(self, context: TicketContext) -> Changes:
        """See `Source`. Raises VersionMismatchError and what the command's rules refuse."""
        if self._request.expected_version not in {None, context.ticket.version}:
            raise VersionMismatchError(context.ticket.version)
        return await self._decide(context)

    async def complete(self, context: TicketContext, changes: Changes) -> None:
        """See `Source`: what an ended flow left unsent is cancelled, texts are queued."""
        await session_end.cancel_unsent(changes, context, self._executor.cache)
        automatic_texts.queue_caused(changes, context, context.connection.texts)

    def lost(self, verdict: Stale | Taken) -> bool:
        """Raises TicketAlreadyOpenError where the contact has another open ticket."""
        if isinstance(verdict, Taken) and verdict.claim.kind == claims.OPEN_TICKET:
            holder = UUID(bytes=verdict.holder)
            if holder != self._request.ticket_id:
                raise refusals.TicketAlreadyOpenError(holder)
        return False

    async def _ticket(self) -> tuple[Versioned[Ticket], Ticket]:
        ticket = await self._executor.cache.get(TICKET, self._request.ticket_id)
        if ticket.state is None:
            self._executor.cache.drop([ticket.id])  # another process may open it any moment
        if ticket.state is None or ticket.account != self._request.account:
            raise NotFoundError
        return ticket, ticket.state

    async def _agent(self, directory: Snapshot, ticket: Ticket) -> Actor | None:
        request = self._request
        if request.agent_id is None:
            return None
        actor = actor_of(directory, request.account, request.agent_id)
        if ticket.owner_id is not None:
            return actor  # nothing that they ask of an owned ticket makes it theirs
        return await agent_limit.with_slot(self._executor.store, request.account, actor)
