"""The commands that a flow gives a ticket: what each stores, and what the bot is replied (D5)."""

from datetime import timedelta
from functools import partial
from typing import TypedDict
from uuid import UUID, uuid5

from services.tickets.domain import refusals, silence, unclaimed
from services.tickets.domain.contact.decide import set_field
from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import (
    FLOW,
    MessageCancelRequested,
    MessageQueued,
)
from services.tickets.domain.people import BOT
from services.tickets.domain.ticket import commands, guards
from services.tickets.domain.ticket.decide import decide
from services.tickets.handlers import speaking
from services.tickets.handlers.asked import Asked
from services.tickets.handlers.deciding import Deciding, Decision, Loaded
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.ports import Clock
from services.tickets.handlers.session_end import REASON
from services.tickets.handlers.store import KeyDestroyedError
from shared.contracts.ticket_commands import (
    AssignSector,
    CancelMessage,
    CloseTicket,
    CommandReplied,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
    SayContent,
    SetContactField,
    TicketCommand,
)

_ERASED = "contact_erased"


class _About(TypedDict):
    command_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    session_id: UUID


class UnknownCommandError(Exception):
    """A command of the contract that nothing here decides: a defect."""


class FlowCommandHandler:
    """Judges the commands of running sessions; each of them ends the bot's silence."""

    def __init__(self, deciding: Deciding, directory: DirectoryView, now: Clock) -> None:
        self._deciding = deciding
        self._directory = directory
        self._now = now

    async def handle(self, command: TicketCommand, correlation: str) -> CommandReplied:
        """Store it, now or before, and say so; a refusal is a reply with its code."""
        asked = Asked(
            account=command.account_id,
            machine="bot",
            ticket_id=command.ticket_id,
            command_id=command.command_id,
            correlation=correlation,
        )
        # only what the sender knew of: a contract that has grown since makes it no other command
        asks = command.model_dump_json(exclude={"at"}, exclude_unset=True)
        request = f"{command.TYPE}:{asks}"
        decided = partial(self._decided, command)
        try:
            settled = await self._deciding.settle(asked, request, decided)
        except refusals.RefusedError as refused:
            return self._refused(command, refused.code)
        except KeyDestroyedError:
            return self._refused(command, _ERASED)
        first = settled.first
        return CommandReplied(
            **_about(command),
            outcome="done",
            message_id=settled.message_id,
            occurred_at=(first and first.at) or settled.loaded.at,
        )

    def _refused(self, command: TicketCommand, code: str) -> CommandReplied:
        return CommandReplied(
            **_about(command), outcome="refused", code=code, occurred_at=self._now()
        )

    async def _decided(self, command: TicketCommand, loaded: Loaded) -> Decision:
        if isinstance(command, CancelMessage):
            decision = _take_back(command, loaded)  # also when the session has ended
        else:
            guards.session(loaded.state, command.session_id)
            decision = self._running(command, loaded)
        if loaded.state.session_id == command.session_id:
            timer = silence.current(loaded.state, loaded.said)
            decision.clear_timers += [] if timer is None else [timer]
            decision.heard = True
        return decision

    def _running(self, command: TicketCommand, loaded: Loaded) -> Decision:
        match command:
            case QueueAutomaticMessage():
                return _say(command, loaded)
            case AssignSector():
                return self._assign(command, loaded)
            case SetContactField():
                return _remember(command, loaded)
            case HandOff():
                return self._hand_off(command, loaded)
            case CloseTicket():
                return _close(command, loaded)
            case KeepSession():
                return Decision()
            case _:
                raise UnknownCommandError(command.TYPE)

    def _assign(self, command: AssignSector, loaded: Loaded) -> Decision:
        asked = commands.AssignSector(
            session_id=command.session_id,
            sector_id=command.sector_id,
            sector_active=self._active(loaded, command.sector_id),
            at=loaded.at,
        )
        return Decision(ticket=decide(loaded.state, asked))

    def _hand_off(self, command: HandOff, loaded: Loaded) -> Decision:
        """Into the named sector; one that is not active any more must not hold people off."""
        named = command.sector_id
        if named is None or not self._active(loaded, named):
            default = loaded.connection.sector_id or loaded.policies.default_sector_id
            named = loaded.state.sector_id or default
        asked = commands.HandOff(
            session_id=command.session_id,
            sector_id=named,
            reason=command.reason,
            summary=command.summary,
            note_id=uuid5(loaded.state.id, f"note:{command.command_id}"),
            unclaimed=_unclaimed(command, loaded),
            unclaimed_text=command.unclaimed and command.unclaimed.text,
            at=loaded.at,
        )
        return Decision(ticket=decide(loaded.state, asked))

    def _active(self, loaded: Loaded, sector_id: UUID) -> bool:
        sector = self._directory.snapshot().sector(loaded.asked.account, sector_id)
        return sector is not None and sector.active


def _unclaimed(command: HandOff, loaded: Loaded) -> unclaimed.Unclaimed | None:
    asked = command.unclaimed
    if asked is None:
        return None
    return unclaimed.Unclaimed(
        timer_id=unclaimed.timer_id(loaded.state.id, command.command_id),
        due=loaded.at + timedelta(seconds=asked.after_seconds),
        then=asked.then,
        reason_id=asked.reason_id,
    )


def _say(command: QueueAutomaticMessage, loaded: Loaded) -> Decision:
    guards.window(loaded.said.window_closes_at, loaded.at)
    message_id = uuid5(loaded.conversation.id, str(command.command_id))
    queued = MessageQueued(
        **speaking.said(loaded),
        message_id=message_id,
        author=BOT,
        automatic=FLOW,
        cause=command.command_id,
        window_closes_at=loaded.said.window_closes_at,
        after=loaded.said.last_queued_id,
        content=_content(command.content),
        recipient=speaking.recipient(loaded),
    )
    return Decision(conversation=[queued], message_id=message_id)


def _content(said: SayContent) -> Content:
    """What a person reads, and beside it what they can tap."""
    details = said.model_dump(exclude={"type", "text"}, exclude_none=True)
    return Content(type=said.type, text=said.text, details=details or None)


def _remember(command: SetContactField, loaded: Loaded) -> Decision:
    contact = loaded.contact
    events = set_field(contact.state, contact.id, command.name, command.value, BOT, loaded.at)
    return Decision(contact=events)


def _close(command: CloseTicket, loaded: Loaded) -> Decision:
    asked = commands.CloseByFlow(
        session_id=command.session_id,
        reason_id=command.reason_id,
        farewell=command.farewell,
        at=loaded.at,
        policies=loaded.policies,
    )
    decision = Decision(ticket=decide(loaded.state, asked), release=[speaking.open_claim(loaded)])
    if command.farewell:
        speaking.queue_text(decision, loaded, "farewell", loaded.connection.texts.farewell)
    return decision


def _take_back(command: CancelMessage, loaded: Loaded) -> Decision:
    said = loaded.said.said(command.message_id)
    if said is None or not said.by_flow:
        raise refusals.UnknownMessageError
    if said.cancelled:
        return Decision()
    request = MessageCancelRequested(
        **speaking.said(loaded), message_id=command.message_id, by=BOT, reason=REASON
    )
    return Decision(conversation=[request])


def _about(command: TicketCommand) -> _About:
    return {
        "command_id": command.command_id,
        "account_id": command.account_id,
        "contact_id": command.contact_id,
        "ticket_id": command.ticket_id,
        "session_id": command.session_id,
    }
