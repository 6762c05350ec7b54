"""May this command be taken now? The same guards decide and fill `allowed` (design.md 5)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.state import OWNED, Lifecycle, Ticket


def accept(
    ticket: Ticket, actor: Actor, sector_id: UUID | None, policies: Policies, *, active: bool
) -> None:
    """Raises what forbids accepting; an owner may accept again."""
    if ticket.lifecycle is Lifecycle.CLOSED:
        raise refusals.TicketClosedError
    if ticket.owner_id is not None:
        if ticket.owner_id != actor.agent_id:
            since = ticket.owned_since or ticket.opened_at
            raise refusals.AlreadyAcceptedError(ticket.owner_id, since)
        return
    sector(active=active)
    wanted = sector_id or ticket.sector_id
    if wanted == policies.default_sector_id and policies.force_sector_on_accept and wanted:
        raise refusals.SectorRequiredError
    moved = sector_id is not None and ticket.sector_id != policies.default_sector_id
    sectors = {wanted, ticket.sector_id} if moved else {wanted}  # a real sector is left by its own
    if not all(actor.works_in(sector) for sector in sectors) and not actor.supervises:
        raise refusals.NotInSectorError
    room(actor)


def room(actor: Actor) -> None:
    """Raises when the agent owns as many tickets as allowed."""
    if not actor.has_room:
        raise refusals.AgentLimitReachedError(actor.ticket_limit)


def speak(ticket: Ticket, actor: Actor) -> None:
    """Raises what forbids a message by this actor, the window aside."""
    match ticket.lifecycle:
        case Lifecycle.CLOSED:
            raise refusals.TicketClosedError
        case Lifecycle.PAUSED:
            raise refusals.TicketPausedError
        case Lifecycle.BOT:
            raise refusals.TicketInBotError
        case Lifecycle.WAITING:
            if not actor.supervises:
                raise refusals.TicketWaitingError
        case Lifecycle.ATTENDING:
            if ticket.owner_id != actor.agent_id and not actor.supervises:
                raise refusals.NotOwnerError(ticket.owner_id)


def window(open_until: datetime | None, at: datetime) -> None:
    """Raises when the customer's 24 hours have passed (D7)."""
    if open_until is None or at >= open_until:
        raise refusals.WindowClosedError


def read(ticket: Ticket, actor: Actor) -> None:
    """Raises what forbids marking as read: the owner does, or who sees a ticket without one."""
    if ticket.owner_id is not None and ticket.owner_id != actor.agent_id:
        if not actor.supervises:
            raise refusals.NotOwnerError(ticket.owner_id)
        return
    _member(ticket, actor)


def close(ticket: Ticket, actor: Actor, reason_id: UUID | None, policies: Policies) -> None:
    """Raises what forbids closing."""
    if ticket.lifecycle is Lifecycle.CLOSED:
        raise refusals.TicketClosedError
    if ticket.lifecycle in OWNED:
        if ticket.owner_id != actor.agent_id and not actor.supervises:
            raise refusals.NotOwnerError(ticket.owner_id)
    else:
        if not policies.close_from_waiting:
            raise refusals.TicketWaitingError
        _member(ticket, actor)
    reason(reason_id, policies)


def start_flow(
    ticket: Ticket,
    actor: Actor,
    flow_id: UUID | None,
    policies: Policies,
    open_until: datetime | None,
    at: datetime,
) -> UUID:
    """The flow that may start; raises what forbids starting one by hand."""
    match ticket.lifecycle:
        case Lifecycle.CLOSED:
            raise refusals.TicketClosedError
        case Lifecycle.PAUSED:
            raise refusals.TicketPausedError
        case Lifecycle.BOT:
            raise refusals.TicketInBotError
        case Lifecycle.ATTENDING:
            if "attending" not in policies.flow_manual_from:
                raise refusals.TicketAttendedError
            if ticket.owner_id != actor.agent_id and not actor.supervises:
                raise refusals.NotOwnerError(ticket.owner_id)
        case Lifecycle.WAITING:
            if "waiting" not in policies.flow_manual_from:
                raise refusals.TicketWaitingError
            _member(ticket, actor)
    return flow(flow_id, open_until, at)


def flow(flow_id: UUID | None, open_until: datetime | None, at: datetime) -> UUID:
    """The flow, which would speak at once; raises where there is none, or no window."""
    if flow_id is None:
        raise refusals.FlowUnavailableError
    window(open_until, at)
    return flow_id


def sector(*, active: bool) -> None:
    """Raises when the named sector may not be used."""
    if not active:
        raise refusals.SectorInactiveError


def session(ticket: Ticket, session_id: UUID) -> None:
    """Raises when another session runs, or none."""
    if ticket.session_id != session_id:
        raise refusals.SessionEndedError


def reason(reason_id: UUID | None, policies: Policies) -> None:
    """Raises when the account demands a close reason and none is given."""
    if policies.close_reason == "required" and reason_id is None:
        raise refusals.CloseReasonRequiredError


def reopen(ticket: Ticket, actor: Actor, policies: Policies, at: datetime) -> None:
    """Raises what forbids reopening by hand; another open ticket is found by its claim."""
    if ticket.lifecycle is not Lifecycle.CLOSED or ticket.closed_at is None:
        raise refusals.TicketNotClosedError
    limit = policies.reopen_limit_days
    if limit is not None and at - ticket.closed_at > timedelta(days=limit):
        raise refusals.ReopenLimitPassedError
    if not actor.supervises:
        _may_reopen(ticket, actor, policies)
    if policies.reopen_manual_target == "attending_by_actor":
        room(actor)


def _may_reopen(ticket: Ticket, actor: Actor, policies: Policies) -> None:
    if policies.reopen_who == "supervisor":
        raise refusals.ForbiddenError
    if policies.reopen_who == "owner" and ticket.last_owner_id != actor.agent_id:
        raise refusals.NotOwnerError(ticket.last_owner_id)
    _member(ticket, actor)


def allowed(
    ticket: Ticket,
    actor: Actor,
    policies: Policies,
    open_until: datetime | None,
    flow_id: UUID | None,
    at: datetime,
) -> Mapping[str, refusals.RefusedError | None]:
    """What this actor may do now, and why not the rest."""

    def say() -> None:
        speak(ticket, actor)
        window(open_until, at)

    def start() -> None:
        start_flow(ticket, actor, flow_id, policies, open_until, at)

    checks: dict[str, Callable[[], None]] = {
        "accept": lambda: accept(ticket, actor, None, policies, active=True),
        "send_message": say,
        "read": lambda: read(ticket, actor),
        "close": lambda: close(ticket, actor, None, policies),
        "reopen": lambda: reopen(ticket, actor, policies, at),
        "start_flow": start,
    }
    return {name: _refusal(check) for name, check in checks.items()}


def _refusal(check: Callable[[], None]) -> refusals.RefusedError | None:
    try:
        check()
    except refusals.RefusedError as refused:
        return refused
    return None


def _member(ticket: Ticket, actor: Actor) -> None:
    if not actor.works_in(ticket.sector_id) and not actor.supervises:
        raise refusals.NotInSectorError
