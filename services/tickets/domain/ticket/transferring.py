"""A ticket goes to another sector, to another agent, or both in one step (domain.md 2.3)."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.refusals import Unavailable
from services.tickets.domain.ticket import guards, sessions
from services.tickets.domain.ticket.accepting import accepted
from services.tickets.domain.ticket.command import AgentCommand
from services.tickets.domain.ticket.events import TicketEvent, TicketQueued, TicketTransferred
from services.tickets.domain.ticket.facts import about, assigned, released
from services.tickets.domain.ticket.state import Lifecycle, Ticket

TRANSFERRED: Final = "transferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferToSector(AgentCommand):
    """Let another sector go on; `sector_active` says whether it may be used."""

    sector_id: UUID
    sector_active: bool = True
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferToAgent(AgentCommand):
    """Let another agent go on, in `sector_id` or where the ticket is.

    `target` None: no active agent of the account; a slot of their limit arrives in it.
    """

    target: Actor | None
    sector_id: UUID | None = None
    sector_active: bool = True
    reason: str | None = None


def may_transfer(ticket: Ticket, actor: Actor) -> None:
    """Whether the actor may transfer at all. Raises RefusedError."""
    guards.is_open(ticket)
    guards.owner_or_member(ticket, actor)


def to_sector(ticket: Ticket, command: TransferToSector) -> list[TicketEvent]:
    """The ticket waits in the other sector. Raises RefusedError."""
    may_transfer(ticket, command.actor)
    if ticket.lifecycle is Lifecycle.BOT:
        raise refusals.TicketInBotError
    guards.active_sector(active=command.sector_active)
    if command.sector_id == ticket.sector_id:
        raise refusals.AlreadyThereError
    by = command.actor.author
    return [
        *released(ticket, command.at, by, TRANSFERRED),
        _transferred(ticket, command, command.sector_id, None),
        *assigned(ticket, command.at, by, command.sector_id),
        TicketQueued(**about(ticket, command.at, by), reason=TRANSFERRED),
    ]


def to_agent(ticket: Ticket, command: TransferToAgent) -> list[TicketEvent]:
    """The target owns the ticket. Raises RefusedError."""
    may_transfer(ticket, command.actor)
    guards.active_sector(active=command.sector_active)
    sector = command.sector_id or ticket.sector_id
    guards.real_sector(sector, command.policies)
    target = _available(ticket, command.target, sector)
    by = command.actor.author
    return [
        *sessions.ended(ticket, command.at, by, "human_takeover"),
        *released(ticket, command.at, by, TRANSFERRED),
        _transferred(ticket, command, sector, target),
        *assigned(ticket, command.at, by, sector),
        accepted(ticket, command, by, target, "transfer", sector),
    ]


def _available(ticket: Ticket, target: Actor | None, sector: UUID | None) -> Actor:
    if target is None:
        raise refusals.TargetUnavailableError(Unavailable.INACTIVE)
    if target.agent_id == ticket.owner_id:
        if sector == ticket.sector_id:
            raise refusals.AlreadyThereError
        target = replace(target, slot=ticket.slot, ticket_limit=None)  # it is theirs already
    if not target.works_in(sector) and not target.supervises:
        raise refusals.TargetUnavailableError(Unavailable.NOT_IN_SECTOR)
    if not target.has_room:
        raise refusals.TargetUnavailableError(Unavailable.LIMIT)
    return target


def _transferred(
    ticket: Ticket,
    command: TransferToSector | TransferToAgent,
    sector: UUID | None,
    target: Actor | None,
) -> TicketTransferred:
    return TicketTransferred(
        **about(ticket, command.at, command.actor.author),
        kind="sector" if target is None else "agent",
        sector_id=sector,
        previous_sector_id=ticket.sector_id,
        owner_id=None if target is None else target.agent_id,
        previous_owner_id=ticket.owner_id,
        reason=command.reason,
    )
