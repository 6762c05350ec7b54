"""A customer's message opens an episode (domain.md 2.3, OpenByInbound)."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from services.tickets.domain.people import CONTACT
from services.tickets.domain.ticket.command import Command
from services.tickets.domain.ticket.events import FlowSessionStarted, TicketEvent, TicketOpened
from services.tickets.domain.ticket.evolve import opened
from services.tickets.domain.ticket.facts import about, assigned


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenByInbound(Command):
    """Open an episode, in the sector and with the flow of `entering`."""

    ticket_id: UUID
    message_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    protocol: str
    sector_id: UUID | None
    flow_id: UUID | None = None
    previous_ticket_id: UUID | None


def decide(command: OpenByInbound) -> list[TicketEvent]:
    """A new episode: it waits in its sector, or a flow answers first."""
    first = TicketOpened(
        ticket_id=command.ticket_id,
        contact_id=command.contact_id,
        connection_id=command.connection_id,
        conversation_id=command.conversation_id,
        occurred_at=command.at,
        by=CONTACT,
        protocol=command.protocol,
        origin="customer",
        lifecycle="waiting" if command.flow_id is None else "bot",
        previous_ticket_id=command.previous_ticket_id,
        policy_version=command.policies.version,
    )
    ticket = opened(first)
    events: list[TicketEvent] = [first, *assigned(ticket, command.at, CONTACT, command.sector_id)]
    if command.flow_id is None:
        return events
    started = FlowSessionStarted(
        **about(ticket, command.at, CONTACT),
        session_id=uuid5(command.ticket_id, str(command.message_id)),
        flow_id=command.flow_id,
        conversation_id=command.conversation_id,
        opened_by=command.message_id,
        protocol=command.protocol,
    )
    return [*events, started]
