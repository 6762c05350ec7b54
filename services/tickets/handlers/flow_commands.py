"""The commands of flows: a table of what each decides, and what the bot is replied (D5)."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, TypedDict
from uuid import UUID, uuid5

from services.tickets.domain import refusals, silence, unclaimed
from services.tickets.domain.contact.decide import set_field
from services.tickets.domain.conversation import cancelling, sending
from services.tickets.domain.conversation.events import FlowAcknowledged
from services.tickets.domain.conversation.facts import about
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import BOT
from services.tickets.domain.ticket import closing, flows, sessions
from services.tickets.domain.ticket.decide import decide
from services.tickets.handlers.automatic_texts import recipient
from services.tickets.handlers.content_mapping import to_stored
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.execution import Changes, CommandExecutor
from services.tickets.handlers.requests import TicketRequest
from services.tickets.handlers.ticket_source import TicketContext, TicketSource
from services.tickets.storage.contract import KeyDestroyedError
from services.tickets.storage.state_cache import CONVERSATION, TICKET
from shared.contracts import ticket_commands as asked

_ERASED: Final = "contact_erased"


class _Ids(TypedDict):
    command_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    session_id: UUID


class FlowCommandHandler:
    """Judges the commands of running sessions; each of them ends the bot's silence."""

    def __init__(self, executor: CommandExecutor, directory: DirectoryView) -> None:
        self._executor = executor
        self._directory = directory

    async def handle(self, command: asked.TicketCommand, correlation: str) -> asked.CommandReplied:
        """Store it, now or before, and say so; a refusal is a reply with its code."""

        async def decided(context: TicketContext) -> Changes:
            return _decided(context, command)

        request = _request(command, correlation)
        source = TicketSource(self._executor, self._directory, request, decided)
        try:
            result = await self._executor.execute(source)
        except refusals.RefusedError as refused:
            return self._refused(command, refused.code)
        except KeyDestroyedError:
            return self._refused(command, _ERASED)
        at = None if result is None else (result.first and result.first.at) or result.context.at
        return asked.CommandReplied(
            **_ids(command),
            outcome="done",
            message_id=result and result.message_id,
            occurred_at=at or self._executor.now(),
        )

    def _refused(self, command: asked.TicketCommand, code: str) -> asked.CommandReplied:
        return asked.CommandReplied(
            **_ids(command), outcome="refused", code=code, occurred_at=self._executor.now()
        )


def _request(command: asked.TicketCommand, correlation: str) -> TicketRequest:
    # only what the sender knew of: a contract that has grown since makes it no other command
    body = command.model_dump_json(exclude={"at"}, exclude_unset=True)
    return TicketRequest(
        account=command.account_id,
        actor="bot",
        ticket_id=command.ticket_id,
        command_id=command.command_id,
        correlation=correlation,
        fingerprint=f"{command.TYPE}:{body}",
    )


def _decided(context: TicketContext, command: asked.TicketCommand) -> Changes:
    """What the command does; with it the bot has answered, whatever it says."""
    changes = HANDLERS[type(command)](context, command)
    if context.state.session_id != command.session_id:
        return changes
    changes.depends_on_conversation = True
    ticket = TICKET.after(context.state, changes.ticket) or context.state
    conversation = CONVERSATION.after(context.messages, changes.conversation) or Conversation()
    if silence.current(ticket, conversation) is not None:
        fact = about(context.state, context.at)
        changes.conversation.append(FlowAcknowledged(**fact, session_id=command.session_id))
    return changes


def queue_message(context: TicketContext, command: asked.QueueAutomaticMessage) -> Changes:
    message_id = uuid5(context.conversation.id, str(command.command_id))
    message = sending.SayByFlow(
        session_id=command.session_id,
        command_id=command.command_id,
        message_id=message_id,
        content=to_stored(command.content),
        recipient=recipient(context.contact.state),
        at=context.at,
    )
    queued = sending.say_by_flow(context.state, context.messages, message)
    return Changes(conversation=[queued], message_id=message_id)


def assign_sector(context: TicketContext, command: asked.AssignSector) -> Changes:
    wanted = flows.AssignSector(
        **_by_session(context, command),
        sector_id=command.sector_id,
        sector_active=context.sector_is_active(command.sector_id),
    )
    return Changes(ticket=decide(context.state, wanted))


def set_contact_field(context: TicketContext, command: asked.SetContactField) -> Changes:
    sessions.running(context.state, command.session_id)
    contact = context.contact
    events = set_field(contact.state, contact.id, command.name, command.value, BOT, context.at)
    return Changes(contact=events)


def hand_off(context: TicketContext, command: asked.HandOff) -> Changes:
    """Into the named sector; one that is not active any more must not hold people off."""
    named = command.sector_id
    if named is None or not context.sector_is_active(named):
        named = context.state.sector_id or context.entry_sector_id
    wanted = flows.HandOff(
        **_by_session(context, command),
        sector_id=named,
        reason=command.reason,
        summary=command.summary,
        note_id=uuid5(context.state.id, f"note:{command.command_id}"),
        return_to=context.return_to,
        unclaimed=_unclaimed(context, command),
        unclaimed_text=command.unclaimed and command.unclaimed.text,
    )
    return Changes(ticket=decide(context.state, wanted))


def close(context: TicketContext, command: asked.CloseTicket) -> Changes:
    wanted = closing.CloseByFlow(
        **_by_session(context, command), reason_id=command.reason_id, farewell=command.farewell
    )
    return Changes(ticket=decide(context.state, wanted))


def cancel_message(context: TicketContext, command: asked.CancelMessage) -> Changes:
    """Also when the session has ended: what it left behind is still to be cancelled."""
    requests = cancelling.by_flow(context.state, context.messages, command.message_id, context.at)
    return Changes(conversation=[*requests])


def keep_session(context: TicketContext, command: asked.KeepSession) -> Changes:
    sessions.running(context.state, command.session_id)
    return Changes()


HANDLERS: Final[Mapping[type[asked.TicketCommand], Callable[[TicketContext, Any], Changes]]] = {
    asked.QueueAutomaticMessage: queue_message,
    asked.AssignSector: assign_sector,
    asked.SetContactField: set_contact_field,
    asked.HandOff: hand_off,
    asked.CloseTicket: close,
    asked.CancelMessage: cancel_message,
    asked.KeepSession: keep_session,
}
"""By the command's type; one per type of `TICKETS_COMMANDS_TYPES`."""


def _by_session(context: TicketContext, command: asked.TicketCommand) -> dict[str, Any]:
    """The fields of every `SessionCommand`."""
    return {
        "session_id": command.session_id,
        "at": context.at,
        "policies": context.policies,
    }


def _unclaimed(context: TicketContext, command: asked.HandOff) -> unclaimed.Unclaimed | None:
    wanted = command.unclaimed
    if wanted is None:
        return None
    return unclaimed.Unclaimed(
        timer_id=unclaimed.timer_id(context.state.id, command.command_id),
        due=context.at + timedelta(seconds=wanted.after_seconds),
        then=wanted.then,
        reason_id=wanted.reason_id,
    )


def _ids(command: asked.TicketCommand) -> _Ids:
    return {
        "command_id": command.command_id,
        "account_id": command.account_id,
        "contact_id": command.contact_id,
        "ticket_id": command.ticket_id,
        "session_id": command.session_id,
    }
