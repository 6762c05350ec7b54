"""When does a flow begin and end, and what may it do meanwhile (domain.md 2.3)?"""

from typing import Literal
from uuid import UUID

from services.tickets.domain.people import BOT, CONTACT, SYSTEM, Author
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.about import about
from services.tickets.domain.ticket.commands import (
    Accept,
    AssignSector,
    Close,
    CloseByFlow,
    EndSilentSession,
    FlowCommand,
    HandOff,
    OpenByInbound,
    StartFlow,
)
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    NoteAdded,
    OwnerReleased,
    SectorAssigned,
    TicketClosed,
    TicketEvent,
    TicketQueued,
)
from services.tickets.domain.ticket.state import Ticket


def started_by_inbound(command: OpenByInbound, session_id: UUID) -> list[TicketEvent]:
    """The session with which an episode opens, where the connection enters a flow."""
    if command.flow_id is None:
        return []
    started = FlowSessionStarted(
        ticket_id=command.ticket_id,
        contact_id=command.contact_id,
        connection_id=command.connection_id,
        occurred_at=command.at,
        by=CONTACT,
        session_id=session_id,
        flow_id=command.flow_id,
        conversation_id=command.conversation_id,
        opened_by=command.message_id,
    )
    return [started]


def start(ticket: Ticket, command: StartFlow) -> list[TicketEvent]:
    """The session that an agent starts by hand; raises RefusedError.

    An owner becomes the one to return to, and owns the ticket no more (domain.md 2.3).
    """
    flow_id = guards.start_flow(
        ticket,
        command.actor,
        command.flow_id,
        command.policies,
        command.window_closes_at,
        command.at,
    )
    by = command.actor.author
    started = FlowSessionStarted(
        **about(ticket, command.at, by),
        session_id=command.session_id,
        flow_id=flow_id,
        conversation_id=ticket.conversation_id,
        return_to=ticket.owner_id or command.actor.agent_id,
    )
    if ticket.owner_id is None:
        return [started]
    released = OwnerReleased(
        **about(ticket, command.at, by), owner_id=ticket.owner_id, reason="flow_started"
    )
    return [released, started]


def ended(
    ticket: Ticket,
    command: Accept | Close | HandOff | CloseByFlow | EndSilentSession,
    by: Author,
    reason: Literal["handoff", "human_takeover", "closed", "bot_silent"],
) -> list[TicketEvent]:
    """The end of the running session, if one runs."""
    if ticket.session_id is None:
        return []
    end = FlowSessionEnded(
        **about(ticket, command.at, by), session_id=ticket.session_id, reason=reason
    )
    return [end]


def decide(ticket: Ticket, command: FlowCommand) -> list[TicketEvent]:
    """What the running session (or its silence) does; raises SessionEndedError and others."""
    guards.session(ticket, command.session_id)
    match command:
        case AssignSector():
            guards.sector(active=command.sector_active)
            return _moved(ticket, command, BOT)
        case HandOff():
            return _hand_off(ticket, command)
        case CloseByFlow():
            return _close(ticket, command)
        case EndSilentSession():
            reason = "bot_silent"
            queued = TicketQueued(**about(ticket, command.at, SYSTEM), reason=reason)
            end = ended(ticket, command, SYSTEM, reason)
            return [*end, *_moved(ticket, command, SYSTEM), queued]


def _hand_off(ticket: Ticket, command: HandOff) -> list[TicketEvent]:
    note = NoteAdded(
        **about(ticket, command.at, BOT), note_id=command.note_id, text=command.summary
    )
    return [
        *ended(ticket, command, BOT, "handoff"),
        *_moved(ticket, command, BOT),
        *([] if command.summary is None else [note]),
        TicketQueued(
            **about(ticket, command.at, BOT),
            reason=command.reason,
            unclaimed=command.unclaimed,
            unclaimed_text=command.unclaimed_text,
        ),
    ]


def _close(ticket: Ticket, command: CloseByFlow) -> list[TicketEvent]:
    guards.reason(command.reason_id, command.policies)
    closed = TicketClosed(
        **about(ticket, command.at, BOT),
        owner_id=None,
        reason_id=command.reason_id,
        farewell=command.farewell,
        policy_version=command.policies.version,
    )
    return [*ended(ticket, command, BOT, "closed"), closed]


def _moved(
    ticket: Ticket, command: AssignSector | HandOff | EndSilentSession, by: Author
) -> list[TicketEvent]:
    sector = command.sector_id
    if sector is None or sector == ticket.sector_id:
        return []
    moved = SectorAssigned(
        **about(ticket, command.at, by), sector_id=sector, previous_sector_id=ticket.sector_id
    )
    return [moved]
