"""Under which ticket is something said? The open one, one that is reopened, or a new one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.inbound import Effect
from services.tickets.domain.people import Sender
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.commands import OpenByInbound, ReopenByInbound
from services.tickets.domain.ticket.decide import decide, open_by_inbound
from services.tickets.domain.ticket.entering import Entry, entry
from services.tickets.domain.ticket.events import FlowSessionStarted, TicketEvent
from services.tickets.domain.ticket.state import OPEN, Ticket
from services.tickets.handlers import claims, slots
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.machine import Machine
from services.tickets.handlers.people import Found
from services.tickets.handlers.ports import NewId
from services.tickets.handlers.protocols import Protocols
from services.tickets.handlers.store import Claim
from services.tickets.handlers.warm import TICKET, Held
from shared.contracts import inbound
from shared.contracts.directory import ConnectionChanged


@dataclass(frozen=True, slots=True)
class Saying:
    """An item that says something, whose it is, and how it will be known."""

    item: inbound.InboundMessage
    sender: Sender
    found: Found
    message_id: UUID
    wamid_hash: bytes
    correlation: str


@dataclass(frozen=True, slots=True)
class Episode:
    """The ticket under which something is said, and what happens to it in the same append."""

    held: Held[Ticket]
    events: tuple[TicketEvent, ...]
    take: tuple[Claim, ...]
    protocol: str

    @property
    def session_id(self) -> UUID | None:
        """The session that hears this message."""
        for event in self.events:
            if isinstance(event, FlowSessionStarted):
                return event.session_id
        return None if self.held.state is None else self.held.state.session_id


class Episodes:
    """Finds the contact's newest ticket on a connection, and opens or reopens."""

    def __init__(
        self, machine: Machine, directory: DirectoryView, protocols: Protocols, new_id: NewId
    ) -> None:
        self._machine = machine
        self._directory = directory
        self._protocols = protocols
        self._new_id = new_id

    async def newest(
        self, saying: Saying, conversation: Conversation | None, open_ticket: UUID | None
    ) -> Held[Ticket] | None:
        """The open ticket, wherever it is; else the last one that was spoken in.

        `open_ticket` is what a lost race has told of the claim.
        """
        last = None if conversation is None else conversation.last_ticket_id
        wanted = open_ticket or last
        if wanted is None:
            return None
        if open_ticket is not None:
            return await self._open_ticket(open_ticket)
        held = await self._machine.warm.get(TICKET, wanted)
        if held.state is None or held.state.lifecycle in OPEN:
            return held
        claim = claims.open_ticket(saying.found.contact_id, saying.item.connection_id, wanted)
        key = (claim.kind, claim.key)
        holder = (await self._machine.store.holders(saying.item.account_id, [key])).get(key)
        if holder is None:
            return held
        return await self._open_ticket(UUID(bytes=holder))  # it, or an older one, was reopened

    async def _open_ticket(self, ticket_id: UUID) -> Held[Ticket]:
        """The ticket that the claim calls open: where we remember it closed, we are late."""
        held = await self._machine.warm.get(TICKET, ticket_id)
        if held.state is not None and held.state.lifecycle in OPEN:
            return held
        self._machine.warm.drop([ticket_id])
        return await self._machine.warm.get(TICKET, ticket_id)

    async def of(
        self,
        saying: Saying,
        what: Effect,
        newest: Held[Ticket] | None,
        policies: Policies,
        connection: ConnectionChanged,
        now: datetime,
    ) -> Episode:
        """The ticket under which it is said, with what that does to it."""
        if what is Effect.OPEN or newest is None or newest.state is None:
            return await self._opened(saying, newest, policies, connection, now)
        if what is Effect.REOPEN:
            ticket = newest.state
            store, account = self._machine.store, saying.item.account_id
            owner = await slots.owner_of(store, self._directory, account, ticket.last_owner_id)
            command = ReopenByInbound(last_owner=owner, at=now, policies=policies)
            events = decide(ticket, command)
            claim = claims.open_ticket(ticket.contact_id, ticket.connection_id, ticket.id)
            taken, _ = slots.changed(ticket, events)
            return Episode(newest, tuple(events), (claim, *taken), ticket.protocol)
        return Episode(newest, (), (), newest.state.protocol)

    async def _opened(
        self,
        saying: Saying,
        newest: Held[Ticket] | None,
        policies: Policies,
        connection: ConnectionChanged,
        now: datetime,
    ) -> Episode:
        item = saying.item
        account = self._directory.snapshot().account(item.account_id)
        protocol = await self._protocols.next(item.account_id, account.timezone, now)
        ticket_id = self._new_id()
        contact_id = saying.found.contact_id
        way_in = self._entry(item, newest, policies, connection, now)
        command = OpenByInbound(
            ticket_id=ticket_id,
            message_id=saying.message_id,
            contact_id=contact_id,
            connection_id=item.connection_id,
            conversation_id=uuid5(contact_id, str(item.connection_id)),
            protocol=protocol,
            sector_id=way_in.sector_id,
            flow_id=way_in.flow_id,
            previous_ticket_id=None if newest is None else newest.id,
            at=now,
            policies=policies,
        )
        take = (
            claims.open_ticket(contact_id, item.connection_id, ticket_id),
            claims.protocol(protocol, ticket_id),
        )
        held = await self._machine.warm.get(TICKET, ticket_id)
        return Episode(held, tuple(open_by_inbound(command)), take, protocol)

    def _entry(
        self,
        item: inbound.InboundMessage,
        newest: Held[Ticket] | None,
        policies: Policies,
        connection: ConnectionChanged,
        now: datetime,
    ) -> Entry:
        # automatic messages never go to groups (domain.md 2.6)
        enters = connection.entry == "flow" and item.group_id is None
        flow_id = connection.flow_id if enters else None
        usual = Entry(flow_id, connection.sector_id)
        previous = None if newest is None else newest.state
        sector_id = None if previous is None else previous.sector_id
        directory = self._directory.snapshot()
        sector = None if sector_id is None else directory.sector(item.account_id, sector_id)
        active = sector_id is None or (sector is not None and sector.active)
        return entry(usual, previous, policies, now, active=active)
