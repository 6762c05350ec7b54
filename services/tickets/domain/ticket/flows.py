"""A flow answers a ticket: its start by hand, what it may do, its end (domain.md 2.3)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import BOT, SYSTEM, Actor, Author
from services.tickets.domain.ticket import guards, sessions
from services.tickets.domain.ticket.accepting import accepted
from services.tickets.domain.ticket.command import AgentCommand, SessionCommand
from services.tickets.domain.ticket.events import (
    FlowSessionStarted,
    NoteAdded,
    TicketEvent,
    TicketQueued,
)
from services.tickets.domain.ticket.facts import about, assigned, released
from services.tickets.domain.ticket.state import Lifecycle, Ticket
from services.tickets.domain.unclaimed import Unclaimed


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFlow(AgentCommand):
    """Let a flow answer; `flow_id` None: the connection has none."""

    session_id: UUID
    flow_id: UUID | None
    window_closes_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignSector(SessionCommand):
    """The flow moves the ticket; `sector_active` says whether the sector may be used."""

    sector_id: UUID
    sector_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff(SessionCommand):
    """The flow lets people go on; `sector_id` is where the ticket waits (None: where it is).

    `return_to` is the agent who gave the ticket to the flow, while still active.
    """

    sector_id: UUID | None
    reason: str
    summary: str | None = None
    note_id: UUID
    return_to: Actor | None = None
    unclaimed: Unclaimed | None = None
    unclaimed_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSilentSession(SessionCommand):
    """The bot said nothing for too long: people go on; `sector_id` where the ticket has none."""

    sector_id: UUID | None
    return_to: Actor | None = None


def start(ticket: Ticket, command: StartFlow) -> list[TicketEvent]:
    """The session that an agent starts by hand. Raises RefusedError.

    An owner becomes the one to return to, and owns the ticket no more (domain.md 2.3).
    """
    _may_start(ticket, command)
    flow_id = guards.flow(command.flow_id, command.window_closes_at, command.at)
    by = command.actor.author
    started = FlowSessionStarted(
        **about(ticket, command.at, by),
        session_id=command.session_id,
        flow_id=flow_id,
        conversation_id=ticket.conversation_id,
        protocol=ticket.protocol,
        return_to=ticket.owner_id,
    )
    return [*released(ticket, command.at, by, "flow_started"), started]


def _may_start(ticket: Ticket, command: StartFlow) -> None:
    allowed = command.policies.flow_manual_from
    guards.is_open(ticket)
    match ticket.lifecycle:
        case Lifecycle.PAUSED:
            raise refusals.TicketPausedError
        case Lifecycle.BOT:
            raise refusals.TicketInBotError
        case Lifecycle.ATTENDING if "attending" not in allowed:
            raise refusals.TicketAttendedError
        case Lifecycle.WAITING if "waiting" not in allowed:
            raise refusals.TicketWaitingError
        case _:
            guards.owner_or_member(ticket, command.actor)


def assign_sector(ticket: Ticket, command: AssignSector) -> list[TicketEvent]:
    """The ticket belongs to the sector and stays with the flow. Raises RefusedError."""
    sessions.running(ticket, command.session_id)
    guards.active_sector(active=command.sector_active)
    return assigned(ticket, command.at, BOT, command.sector_id)


def hand_off(ticket: Ticket, command: HandOff) -> list[TicketEvent]:
    """People go on, with the flow's summary as a note. Raises SessionEndedError."""
    sessions.running(ticket, command.session_id)
    note = NoteAdded(
        **about(ticket, command.at, BOT), note_id=command.note_id, text=command.summary
    )
    queued = TicketQueued(
        **about(ticket, command.at, BOT),
        reason=command.reason,
        unclaimed=command.unclaimed,
        unclaimed_text=command.unclaimed_text,
    )
    return [
        *sessions.ended(ticket, command.at, BOT, "handoff"),
        *assigned(ticket, command.at, BOT, command.sector_id),
        *([] if command.summary is None else [note]),
        _people_go_on(ticket, command, BOT, queued),
    ]


def end_silent(ticket: Ticket, command: EndSilentSession) -> list[TicketEvent]:
    """The session ends without the bot. Raises SessionEndedError."""
    sessions.running(ticket, command.session_id)
    queued = TicketQueued(**about(ticket, command.at, SYSTEM), reason="bot_silent")
    return [
        *sessions.ended(ticket, command.at, SYSTEM, "bot_silent"),
        *assigned(ticket, command.at, SYSTEM, command.sector_id),
        _people_go_on(ticket, command, SYSTEM, queued),
    ]


def _people_go_on(
    ticket: Ticket, command: HandOff | EndSilentSession, by: Author, queued: TicketQueued
) -> TicketEvent:
    """Back to the owner who started the flow, unless it chose another sector; else the queue."""
    owner, sector = command.return_to, command.sector_id or ticket.sector_id
    stays = command.sector_id in {None, ticket.sector_id}
    if owner is None or not stays or not owner.may_own_in(sector):
        return queued
    return accepted(ticket, command, by, owner, "flow", sector)
