"""Conditions that several commands share; each raises its refusal, returns nothing."""

from datetime import datetime
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.state import OWNED, Lifecycle, Ticket


def member(ticket: Ticket, actor: Actor) -> None:
    """Of the ticket's sector, or a supervisor."""
    if not actor.works_in(ticket.sector_id) and not actor.supervises:
        raise refusals.NotInSectorError


def owner(ticket: Ticket, actor: Actor) -> None:
    """The ticket's owner, or a supervisor."""
    if ticket.owner_id != actor.agent_id and not actor.supervises:
        raise refusals.NotOwnerError(ticket.owner_id)


def owner_or_member(ticket: Ticket, actor: Actor) -> None:
    """Who holds the ticket; a member of its sector where nobody does."""
    if ticket.owner_id is not None:
        owner(ticket, actor)
    else:
        member(ticket, actor)


def is_open(ticket: Ticket) -> None:
    """Not closed."""
    if ticket.lifecycle is Lifecycle.CLOSED:
        raise refusals.TicketClosedError


def is_owned(ticket: Ticket) -> None:
    """Attended or paused."""
    if ticket.lifecycle in OWNED:
        return
    is_open(ticket)
    if ticket.lifecycle is Lifecycle.BOT:
        raise refusals.TicketInBotError
    raise refusals.TicketWaitingError


def room(actor: Actor) -> None:
    """The agent owns fewer tickets than allowed."""
    if not actor.has_room:
        raise refusals.AgentLimitReachedError(actor.ticket_limit)


def window(open_until: datetime | None, at: datetime) -> None:
    """The customer's 24 hours have not passed (D7)."""
    if open_until is None or at >= open_until:
        raise refusals.WindowClosedError


def flow(flow_id: UUID | None, open_until: datetime | None, at: datetime) -> UUID:
    """A flow is set up and may speak at once; returns it."""
    if flow_id is None:
        raise refusals.FlowUnavailableError
    window(open_until, at)
    return flow_id


def active_sector(*, active: bool) -> None:
    """The named sector may be used."""
    if not active:
        raise refusals.SectorInactiveError


def real_sector(sector_id: UUID | None, policies: Policies) -> None:
    """Not the default sector, where the account wants it replaced (domain.md 2.7)."""
    forced = policies.force_sector_on_accept and sector_id is not None
    if forced and sector_id == policies.default_sector_id:
        raise refusals.SectorRequiredError


def close_reason(reason_id: UUID | None, policies: Policies) -> None:
    """Given where the account demands one."""
    if policies.close_reason == "required" and reason_id is None:
        raise refusals.CloseReasonRequiredError
