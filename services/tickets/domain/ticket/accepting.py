"""An agent takes a ticket (domain.md 2.3, Accept)."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor, Author
from services.tickets.domain.ticket import guards, sessions
from services.tickets.domain.ticket.command import AgentCommand, Command
from services.tickets.domain.ticket.events import TicketAccepted, TicketEvent
from services.tickets.domain.ticket.facts import about, assigned
from services.tickets.domain.ticket.state import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(AgentCommand):
    """Take the ticket; `sector_active` says whether the named sector may be used."""

    sector_id: UUID | None = None
    sector_active: bool = True


def decide(ticket: Ticket, command: Accept) -> list[TicketEvent]:
    """The ticket is the agent's; nothing where it is already. Raises RefusedError."""
    guards.is_open(ticket)
    if ticket.owner_id == command.actor.agent_id:
        return []  # a double click (domain.md 2.5)
    _may_accept(ticket, command)
    by, sector = command.actor.author, command.sector_id or ticket.sector_id
    return [
        *assigned(ticket, command.at, by, sector),
        *sessions.ended(ticket, command.at, by, "human_takeover"),
        accepted(ticket, command, by, command.actor, "queue", sector),
    ]


def _may_accept(ticket: Ticket, command: Accept) -> None:
    if ticket.owner_id is not None:
        since = ticket.owned_since or ticket.opened_at
        raise refusals.AlreadyAcceptedError(ticket.owner_id, since)
    guards.active_sector(active=command.sector_active)
    guards.room(command.actor)
    wanted, policies = command.sector_id or ticket.sector_id, command.policies
    guards.real_sector(wanted, policies)
    moved = command.sector_id is not None and ticket.sector_id != policies.default_sector_id
    sectors = {wanted, ticket.sector_id} if moved else {wanted}  # a real sector is left by its own
    if not all(command.actor.works_in(one) for one in sectors) and not command.actor.supervises:
        raise refusals.NotInSectorError


def accepted(
    ticket: Ticket,
    command: Command,
    by: Author,
    owner: Actor,
    via: Literal["queue", "transfer", "reopen", "flow"],
    sector: UUID | None,
) -> TicketAccepted:
    """The ownership of `owner`; marked as an override outside their sectors (2.8, 3)."""
    outside = not owner.works_in(sector)
    return TicketAccepted(
        **about(ticket, command.at, by),
        owner_id=owner.agent_id,
        sector_id=sector,
        via=via,
        override_by=owner.agent_id if outside else None,
        slot=owner.slot,
    )
