"""An episode ends: by an agent, by its flow, or because nobody came (domain.md 2.3, Close)."""

from dataclasses import dataclass
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import BOT, Author
from services.tickets.domain.ticket import guards, sessions
from services.tickets.domain.ticket.command import AgentCommand, Command, SessionCommand
from services.tickets.domain.ticket.events import TicketClosed, TicketEvent
from services.tickets.domain.ticket.facts import about
from services.tickets.domain.ticket.state import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(AgentCommand):
    """End the episode; `farewell` None leaves it to the policy.

    `reason_known` says whether the named reason is active and meant for the ticket's sector.
    """

    reason_id: UUID | None = None
    reason_known: bool = True
    note: str | None = None
    farewell: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseByFlow(SessionCommand):
    """The flow answered everything; `reason_known` as of `Close`."""

    reason_id: UUID | None = None
    reason_known: bool = True
    farewell: bool = False


def decide(ticket: Ticket, command: Close) -> list[TicketEvent]:
    """The ticket is closed. Raises RefusedError."""
    guards.is_open(ticket)
    if ticket.owner_id is None and not command.policies.close_from_waiting:
        raise refusals.TicketWaitingError
    guards.owner_or_member(ticket, command.actor)
    guards.close_reason(command.reason_id, command.policies)
    if not command.reason_known:
        raise refusals.UnknownCloseReasonError
    by = command.actor.author
    end = closed(
        ticket,
        command,
        by,
        reason_id=command.reason_id,
        note=command.note,
        farewell=wants_farewell(ticket, command),
    )
    return [*sessions.ended(ticket, command.at, by, "closed"), end]


def by_flow(ticket: Ticket, command: CloseByFlow) -> list[TicketEvent]:
    """The ticket is closed by its session. Raises SessionEndedError, UnknownCloseReasonError.

    A demanded close reason is demanded of people only: a flow says why by its nodes.
    """
    sessions.running(ticket, command.session_id)
    if not command.reason_known:
        raise refusals.UnknownCloseReasonError
    end = closed(ticket, command, BOT, reason_id=command.reason_id, farewell=command.farewell)
    return [*sessions.ended(ticket, command.at, BOT, "closed"), end]


def wants_farewell(ticket: Ticket, command: Close) -> bool:
    """Whether this closing sends the farewell text (domain.md 2.7)."""
    policies = command.policies
    if ticket.owner_id is None and not policies.farewell_when_closed_from_waiting:
        return False
    if policies.farewell == "ask":
        return bool(command.farewell)
    return policies.farewell == "always"


def closed(
    ticket: Ticket,
    command: Command,
    by: Author,
    *,
    reason_id: UUID | None,
    note: str | None = None,
    farewell: bool = False,
) -> TicketClosed:
    """The end of the episode, whoever ends it."""
    return TicketClosed(
        **about(ticket, command.at, by),
        owner_id=ticket.owner_id,
        reason_id=reason_id,
        note=note,
        farewell=farewell,
        policy_version=command.policies.version,
    )
