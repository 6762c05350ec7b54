"""A closed episode goes on: by an agent or by the customer's message (domain.md 2.3, 2.4)."""

from dataclasses import dataclass
from datetime import timedelta

from services.tickets.domain import refusals
from services.tickets.domain.people import CONTACT, Actor, Author
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.accepting import accepted
from services.tickets.domain.ticket.command import AgentCommand, Command
from services.tickets.domain.ticket.events import TicketEvent, TicketReopened
from services.tickets.domain.ticket.facts import about
from services.tickets.domain.ticket.state import Lifecycle, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(AgentCommand):
    """Go on with a closed episode; `last_owner` while still active."""

    last_owner: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenByInbound(Command):
    """A customer's message goes on with a closed episode; `last_owner` while still active."""

    last_owner: Actor | None = None


def decide(ticket: Ticket, command: Reopen) -> list[TicketEvent]:
    """The ticket is open again; that no other one is, its claim says. Raises RefusedError."""
    _may_reopen(ticket, command)
    to_actor = command.policies.reopen_manual_target == "attending_by_actor"
    owner = command.actor if to_actor else _last_owner(ticket, command)
    return _reopened(ticket, command, command.actor.author, owner)


def by_inbound(ticket: Ticket, command: ReopenByInbound) -> list[TicketEvent]:
    """The ticket is open again; nothing where it is."""
    if ticket.lifecycle is not Lifecycle.CLOSED:
        return []
    return _reopened(ticket, command, CONTACT, _last_owner(ticket, command))


def _may_reopen(ticket: Ticket, command: Reopen) -> None:
    actor, policies = command.actor, command.policies
    if ticket.lifecycle is not Lifecycle.CLOSED or ticket.closed_at is None:
        raise refusals.TicketNotClosedError
    limit = policies.reopen_limit_days
    if limit is not None and command.at - ticket.closed_at > timedelta(days=limit):
        raise refusals.ReopenLimitPassedError
    if not actor.supervises:
        _as_policy_says(ticket, actor, policies)
    guards.member(ticket, actor)
    if policies.reopen_manual_target == "attending_by_actor":
        guards.room(actor)


def _as_policy_says(ticket: Ticket, actor: Actor, policies: Policies) -> None:
    if policies.reopen_who == "supervisor":
        raise refusals.ForbiddenError
    if policies.reopen_who == "owner" and ticket.last_owner_id != actor.agent_id:
        raise refusals.NotOwnerError(ticket.last_owner_id)


def _last_owner(ticket: Ticket, command: Reopen | ReopenByInbound) -> Actor | None:
    """The last owner, where the policy wants them back, they belong to the sector and have room."""
    owner = command.last_owner
    if command.policies.reopen_manual_target != "attending_by_last_owner" or owner is None:
        return None
    return owner if owner.may_own_in(ticket.sector_id) else None


def _reopened(
    ticket: Ticket, command: Command, by: Author, owner: Actor | None
) -> list[TicketEvent]:
    reopened = TicketReopened(
        **about(ticket, command.at, by),
        lifecycle="waiting" if owner is None else "attending",
        policy_version=command.policies.version,
    )
    if owner is None:
        return [reopened]
    return [reopened, accepted(ticket, command, by, owner, "reopen", ticket.sector_id)]
