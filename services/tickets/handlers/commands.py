"""The commands that people give a ticket: each says what it would store, or why not."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID, uuid5

from services.tickets.domain import automatic, refusals
from services.tickets.domain.automatic import Due
from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued, MessagesRead
from services.tickets.domain.people import Recipient
from services.tickets.domain.ticket import commands, guards
from services.tickets.domain.ticket.decide import decide, wants_farewell
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers import claims
from services.tickets.handlers.asked import Answered, Asked
from services.tickets.handlers.deciding import Deciding, Decision, Loaded
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.policies import owner_of
from services.tickets.handlers.ports import Clock
from services.tickets.handlers.store import Claim, EventStore
from services.tickets.handlers.warm import MESSAGE, Warm
from shared.contracts import internal_api as api


class _Said(TypedDict):
    """Fields of everything that is said on a conversation."""

    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime


class CommandHandler:
    """Accept, close, reopen, read, send."""

    def __init__(self, store: EventStore, warm: Warm, directory: DirectoryView, now: Clock) -> None:
        self._warm = warm
        self._directory = directory
        self._deciding = Deciding(store, warm, directory, now)

    async def accept(self, asked: Asked, body: api.Accept) -> Answered:
        """Take the ticket: exactly one agent wins; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            command = commands.Accept(
                actor=loaded.actor,
                sector_id=body.sector_id,
                sector_active=self._active(loaded, body.sector_id),
                at=loaded.at,
                policies=loaded.policies,
            )
            decision = Decision(ticket=decide(loaded.state, command))
            if decision.ticket:
                _automatic(decision, loaded, "acceptance", loaded.connection.texts.acceptance)
            return decision

        return await self._deciding.run(asked, "accept", body.model_dump_json(), decided)

    async def close(self, asked: Asked, body: api.Close) -> Answered:
        """End the episode; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            command = commands.Close(
                actor=loaded.actor,
                reason_id=body.reason_id,
                note=body.note,
                farewell=body.farewell,
                at=loaded.at,
                policies=loaded.policies,
            )
            decision = Decision(ticket=decide(loaded.state, command))
            decision.release.append(_open_claim(loaded.state))
            if wants_farewell(loaded.state, command):
                _automatic(decision, loaded, "farewell", loaded.connection.texts.farewell)
            return decision

        return await self._deciding.run(asked, "close", body.model_dump_json(), decided)

    async def reopen(self, asked: Asked, body: api.Reopen) -> Answered:
        """Go on with a closed episode; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            command = commands.Reopen(
                actor=loaded.actor,
                last_owner=owner_of(
                    self._directory.snapshot(), asked.account, loaded.state.last_owner_id
                ),
                at=loaded.at,
                policies=loaded.policies,
            )
            events = decide(loaded.state, command)
            return Decision(ticket=events, take=[_open_claim(loaded.state)])

        return await self._deciding.run(asked, "reopen", body.model_dump_json(), decided)

    async def read(self, asked: Asked, body: api.Read) -> Answered:
        """Everything up to this message was read; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            guards.read(loaded.state, loaded.actor)
            if loaded.said.said(body.up_to) is None:
                raise refusals.UnknownMessageError
            if loaded.said.has_read(body.up_to):
                return Decision()
            return Decision(conversation=[_messages_read(loaded, body.up_to)])

        return await self._deciding.run(asked, "read", body.model_dump_json(), decided)

    async def send_text(self, asked: Asked, body: api.SendText) -> Answered:
        """Say something, inside the window; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            guards.speak(loaded.state, loaded.actor)
            guards.window(loaded.said.window_closes_at, loaded.at)
            message_id = uuid5(loaded.conversation.id, str(asked.command_id))
            queued = MessageQueued(
                **_said(loaded),
                message_id=message_id,
                author=loaded.actor.author,
                reply_to=body.reply_to,
                reply_to_wamid=await self._wamid(loaded, body.reply_to),
                window_closes_at=loaded.said.window_closes_at,
                content=Content(type="text", text=body.text),
                recipient=_recipient(loaded),
            )
            return Decision(conversation=[queued], message_id=message_id)

        return await self._deciding.run(asked, "messages", body.model_dump_json(), decided)

    async def state(self, account: UUID, agent_id: UUID, ticket_id: UUID) -> Answered:
        """The ticket as it is, and what this agent may do; raises RefusedError."""
        return await self._deciding.state(account, agent_id, ticket_id)

    def _active(self, loaded: Loaded, sector_id: UUID | None) -> bool:
        if sector_id is None:
            return True
        sector = self._directory.snapshot().sector(loaded.asked.account, sector_id)
        return sector is not None and sector.active

    async def _wamid(self, loaded: Loaded, reply_to: UUID | None) -> str | None:
        if reply_to is None:
            return None
        said = loaded.said.said(reply_to)
        if said is None:
            raise refusals.UnknownMessageError
        if said.inbound:
            return said.wamid
        self._warm.drop([reply_to])  # Meta may have named it since
        state = (await self._warm.get(MESSAGE, reply_to)).state
        return None if state is None else state.wamid


def _automatic(decision: Decision, loaded: Loaded, kind: str, text: str | None) -> None:
    """Queue the text in the append of its cause (protocols.md 2); none is set, none is sent."""
    contact = loaded.contact.state
    if text is None or (contact is not None and contact.group):
        return
    due = Due(
        kind=kind,
        cause=loaded.asked.command_id,
        text=text,
        at=loaded.at,
        ticket_id=loaded.state.id,
        contact_id=loaded.state.contact_id,
        connection_id=loaded.state.connection_id,
        conversation_id=loaded.state.conversation_id,
        protocol=loaded.state.protocol,
        name=None if contact is None else contact.name,
        recipient=_recipient(loaded),
        window_closes_at=loaded.said.window_closes_at,
        after=loaded.said.last_queued_id,
    )
    event = automatic.queue(due)
    decision.take.append(claims.automatic(due.message_id))
    if isinstance(event, MessageQueued):
        decision.conversation.append(event)
    else:
        decision.ticket.append(event)


def _messages_read(loaded: Loaded, up_to: UUID) -> MessagesRead:
    newest = loaded.said.newest_inbound(up_to)
    wamid = None if newest is None else newest.wamid
    return MessagesRead(
        **_said(loaded),
        up_to=up_to,
        by=loaded.actor.author,
        receipt=loaded.policies.read_receipts and wamid is not None,
        wamid=wamid,
    )


def _said(loaded: Loaded) -> _Said:
    return {
        "conversation_id": loaded.state.conversation_id,
        "contact_id": loaded.state.contact_id,
        "connection_id": loaded.state.connection_id,
        "ticket_id": loaded.state.id,
        "occurred_at": loaded.at,
    }


def _recipient(loaded: Loaded) -> Recipient:
    contact = loaded.contact.state
    if contact is None:
        return Recipient()
    return Recipient(phone=contact.phone, user_id=contact.user_id)


def _open_claim(ticket: Ticket) -> Claim:
    return claims.open_ticket(ticket.contact_id, ticket.connection_id, ticket.id)
