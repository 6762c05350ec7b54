"""Decide a command of a ticket: events, or a refusal."""

from typing import assert_never

from services.tickets.domain.ticket import (
    accepting,
    closing,
    flows,
    pausing,
    reopening,
    returning,
    transferring,
    unclaimed,
)
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.domain.ticket.state import Ticket

TicketCommand = (
    accepting.Accept
    | closing.Close
    | closing.CloseByFlow
    | pausing.Pause
    | pausing.Resume
    | pausing.EndPause
    | pausing.ReceiveWhilePaused
    | pausing.ReturnPaused
    | reopening.Reopen
    | reopening.ReopenByInbound
    | returning.ReturnToWaiting
    | transferring.TransferToSector
    | transferring.TransferToAgent
    | flows.StartFlow
    | flows.AssignSector
    | flows.HandOff
    | flows.EndSilentSession
    | unclaimed.ActOnUnclaimed
)
"""All but the one that opens (`opening`)."""


def decide(ticket: Ticket, command: TicketCommand) -> list[TicketEvent]:  # noqa: C901, PLR0911, PLR0912  one per command
    """The events of a command; none when it changes nothing. Raises RefusedError."""
    match command:
        case accepting.Accept():
            return accepting.decide(ticket, command)
        case closing.Close():
            return closing.decide(ticket, command)
        case closing.CloseByFlow():
            return closing.by_flow(ticket, command)
        case pausing.Pause():
            return pausing.pause(ticket, command)
        case pausing.Resume():
            return pausing.resume(ticket, command)
        case pausing.EndPause():
            return pausing.end_pause(ticket, command)
        case pausing.ReceiveWhilePaused():
            return pausing.receive(ticket, command)
        case pausing.ReturnPaused():
            return pausing.return_paused(ticket, command)
        case reopening.Reopen():
            return reopening.decide(ticket, command)
        case reopening.ReopenByInbound():
            return reopening.by_inbound(ticket, command)
        case returning.ReturnToWaiting():
            return returning.decide(ticket, command)
        case transferring.TransferToSector():
            return transferring.to_sector(ticket, command)
        case transferring.TransferToAgent():
            return transferring.to_agent(ticket, command)
        case flows.StartFlow():
            return flows.start(ticket, command)
        case flows.AssignSector():
            return flows.assign_sector(ticket, command)
        case flows.HandOff():
            return flows.hand_off(ticket, command)
        case flows.EndSilentSession():
            return flows.end_silent(ticket, command)
        case unclaimed.ActOnUnclaimed():
            return unclaimed.decide(ticket, command)
        case _:
            assert_never(command)
