"""What happens to a ticket when it is asked something? Pure: events, or a refusal."""

from typing import Literal
from uuid import UUID, uuid5

from services.tickets.domain.people import CONTACT, Actor, Author
from services.tickets.domain.ticket import flows, guards, unclaimed
from services.tickets.domain.ticket.about import about
from services.tickets.domain.ticket.commands import (
    Accept,
    ActOnUnclaimed,
    Close,
    OpenByInbound,
    Reopen,
    ReopenByInbound,
    StartFlow,
    TicketCommand,
)
from services.tickets.domain.ticket.events import (
    SectorAssigned,
    TicketAccepted,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketReopened,
)
from services.tickets.domain.ticket.state import Lifecycle, Ticket


def open_by_inbound(command: OpenByInbound) -> list[TicketEvent]:
    """A new episode: it waits in its sector, or a flow answers first."""
    events: list[TicketEvent] = [
        TicketOpened(
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
    ]
    if command.sector_id is not None:
        events.append(
            SectorAssigned(
                ticket_id=command.ticket_id,
                contact_id=command.contact_id,
                connection_id=command.connection_id,
                occurred_at=command.at,
                by=CONTACT,
                sector_id=command.sector_id,
            )
        )
    session_id = uuid5(command.ticket_id, str(command.message_id))
    return [*events, *flows.started_by_inbound(command, session_id)]


def decide(ticket: Ticket, command: TicketCommand) -> list[TicketEvent]:  # noqa: PLR0911  one per command
    """The events of a command; none when it changes nothing; raises RefusedError."""
    match command:
        case Accept():
            return _accept(ticket, command)
        case Close():
            return _close(ticket, command)
        case Reopen():
            return _reopen(ticket, command)
        case ReopenByInbound():
            return _reopen_by_inbound(ticket, command)
        case StartFlow():
            return flows.start(ticket, command)
        case ActOnUnclaimed():
            return unclaimed.decide(ticket, command)
        case _:
            return flows.decide(ticket, command)


def wants_farewell(ticket: Ticket, command: Close) -> bool:
    """Whether this closing sends the farewell text (domain.md 2.7)."""
    policies = command.policies
    if ticket.owner_id is None and not policies.farewell_when_closed_from_waiting:
        return False
    if policies.farewell == "ask":
        return bool(command.farewell)
    return policies.farewell == "always"


def _accept(ticket: Ticket, command: Accept) -> list[TicketEvent]:
    guards.accept(
        ticket, command.actor, command.sector_id, command.policies, active=command.sector_active
    )
    if ticket.owner_id == command.actor.agent_id:
        return []  # a double click (domain.md 2.5)
    events: list[TicketEvent] = []
    sector = command.sector_id or ticket.sector_id
    if sector is not None and sector != ticket.sector_id:
        events.append(
            SectorAssigned(
                **about(ticket, command.at, command.actor.author),
                sector_id=sector,
                previous_sector_id=ticket.sector_id,
            )
        )
    by = command.actor.author
    events += flows.ended(ticket, command, by, "human_takeover")
    return [*events, _accepted(ticket, command, by, command.actor, "queue", sector)]


def _close(ticket: Ticket, command: Close) -> list[TicketEvent]:
    guards.close(ticket, command.actor, command.reason_id, command.policies)
    by = command.actor.author
    closed = TicketClosed(
        **about(ticket, command.at, by),
        owner_id=ticket.owner_id,
        reason_id=command.reason_id,
        note=command.note,
        farewell=wants_farewell(ticket, command),
        policy_version=command.policies.version,
    )
    return [*flows.ended(ticket, command, by, "closed"), closed]


def _reopen(ticket: Ticket, command: Reopen) -> list[TicketEvent]:
    guards.reopen(ticket, command.actor, command.policies, command.at)
    target = command.policies.reopen_manual_target
    owner = command.actor if target == "attending_by_actor" else _back(ticket, command)
    return _reopened(ticket, command, command.actor.author, owner)


def _reopen_by_inbound(ticket: Ticket, command: ReopenByInbound) -> list[TicketEvent]:
    if ticket.lifecycle is not Lifecycle.CLOSED:
        return []
    return _reopened(ticket, command, CONTACT, _back(ticket, command))


def _back(ticket: Ticket, command: Reopen | ReopenByInbound) -> Actor | None:
    """The last owner, where the policy wants them back, they belong to the sector and have room."""
    owner = command.last_owner
    if command.policies.reopen_manual_target != "attending_by_last_owner" or owner is None:
        return None
    if not owner.has_room:
        return None
    return owner if owner.works_in(ticket.sector_id) or owner.supervises else None


def _reopened(
    ticket: Ticket, command: Reopen | ReopenByInbound, by: Author, owner: Actor | None
) -> list[TicketEvent]:
    reopened = TicketReopened(
        **about(ticket, command.at, by),
        lifecycle="waiting" if owner is None else "attending",
        policy_version=command.policies.version,
    )
    if owner is None:
        return [reopened]
    return [reopened, _accepted(ticket, command, by, owner, "reopen", ticket.sector_id)]


def _accepted(
    ticket: Ticket,
    command: Accept | Reopen | ReopenByInbound,
    by: Author,
    owner: Actor,
    via: Literal["queue", "reopen"],
    sector: UUID | None,
) -> TicketAccepted:
    outside = not owner.works_in(sector)
    return TicketAccepted(
        **about(ticket, command.at, by),
        owner_id=owner.agent_id,
        sector_id=sector,
        via=via,
        override_by=owner.agent_id if outside else None,
        slot=owner.slot,
    )
