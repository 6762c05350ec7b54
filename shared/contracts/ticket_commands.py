"""tickets.commands (what a flow asks of a ticket) and tickets.replies (what became of it, D5).

The bot derives each command's id from (session, step, effect): sent again, it is the same command
and gets the same answer. A refusal is an answer with a code, never an exception (bots.md 4).
"""

from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.content import SendableContent
from shared.contracts.envelope import Contract, Message, registry_of


class TicketCommand(Message):
    """Common to all commands of a flow; refused with `session_ended` after the session's end.

    Only `CancelMessage` is taken then, too: what a flow left behind is still to be taken back.

    `tickets` takes the instant of the decision from its own clock; `at` is the step's, as evidence.
    """

    command_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    session_id: UUID
    at: datetime


class QueueAutomaticMessage(TicketCommand):
    """Say this in the name of the bot, after everything that was queued before it."""

    TYPE: ClassVar[str] = "tickets.QueueAutomaticMessage.v1"
    content: SendableContent


class AssignSector(TicketCommand):
    """The ticket belongs to this sector from now on; it stays with the bot."""

    TYPE: ClassVar[str] = "tickets.AssignSector.v1"
    sector_id: UUID


class SetContactField(TicketCommand):
    """Remember something about the contact, beyond this ticket."""

    TYPE: ClassVar[str] = "tickets.SetContactField.v1"
    name: str
    value: str


class Unclaimed(Contract):
    """What follows when nobody takes the ticket in time (bots.md, session rule 11).

    `message` says the text and goes on waiting; `flow` lets the connection's flow start again, once
    for each thing that the customer says; `close` closes, after the text where there is one.
    """

    after_seconds: int = Field(ge=1, le=30 * 86_400)
    then: Literal["message", "flow", "close"]
    text: str | None = None
    reason_id: UUID | None = None  # of `close`


class HandOff(TicketCommand):
    """People go on: the ticket waits in the sector; the summary stands in it as a note.

    Reason `ended`: the flow has done its part. Where an agent started it, the ticket goes back.
    """

    TYPE: ClassVar[str] = "tickets.HandOff.v1"
    sector_id: UUID | None = None  # None: the ticket's, else the connection's
    reason: str  # customer_asked | node | ended | timeout | loop | error | stopped: why
    summary: str | None = None
    unclaimed: Unclaimed | None = None  # None: the ticket waits for ever


class CloseTicket(TicketCommand):
    """The flow answered everything; `farewell` says whether the connection's text is sent."""

    TYPE: ClassVar[str] = "tickets.CloseTicket.v1"
    farewell: bool = False
    reason_id: UUID | None = None


class CancelMessage(TicketCommand):
    """Take a message of this session back, if it has not been sent yet."""

    TYPE: ClassVar[str] = "tickets.CancelMessage.v1"
    message_id: UUID


class KeepSession(TicketCommand):
    """The flow has heard the customer and has nothing to say yet: stops the 60 s of silence."""

    TYPE: ClassVar[str] = "tickets.KeepSession.v1"


class CommandReplied(Message):
    """What became of one command; may come twice. `done` is then the very same reply.

    A refusal leaves nothing behind and is judged again (D5): the first reply that came counts.
    """

    TYPE: ClassVar[str] = "tickets.CommandReplied.v1"
    command_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    session_id: UUID
    outcome: Literal["done", "refused"]
    code: str | None = None  # of a refusal, from `shared.contracts.problems`
    message_id: UUID | None = None  # that was queued
    occurred_at: datetime


TICKETS_COMMANDS_TYPES: Final = registry_of(
    QueueAutomaticMessage,
    AssignSector,
    SetContactField,
    HandOff,
    CloseTicket,
    CancelMessage,
    KeepSession,
)
TICKETS_REPLIES_TYPES: Final = registry_of(CommandReplied)
