"""Commands of people: load, decide, append once; again on a lost race (D3, D5)."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypedDict
from uuid import UUID, uuid5

from services.tickets.domain import automatic, refusals
from services.tickets.domain.automatic import Due
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued, MessagesRead
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import Actor, Recipient
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import commands, guards
from services.tickets.domain.ticket.decide import decide, wants_farewell
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers import claims
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.policies import actor_of, owner_of, policies_of
from services.tickets.handlers.ports import Clock
from services.tickets.handlers.store import (
    Claim,
    Command,
    EventStore,
    Expectation,
    Meta,
    Repeated,
    Stale,
    Stored,
    Taken,
)
from services.tickets.handlers.warm import (
    CONTACT,
    CONVERSATION,
    MESSAGE,
    TICKET,
    Held,
    Warm,
    expecting,
    folded_to,
)
from shared.contracts import internal_api as api
from shared.contracts.directory import ConnectionChanged

PATIENCE_SECONDS: Final = 2.0  # then `busy` (protocols.md 2)


class NotFoundError(refusals.RefusedError):
    """No such ticket in this account."""

    code = "not_found"


class BusyError(refusals.RefusedError):
    """Two seconds of lost races."""

    code = "busy"


class IdempotencyKeyReusedError(refusals.RefusedError):
    """The same command id came with another request."""

    code = "idempotency_key_reused"


@dataclass(eq=False)
class VersionMismatchError(refusals.RefusedError):
    """The caller decided on another version (If-Match)."""

    code = "version_mismatch"
    version: int

    def extras(self) -> dict[str, object]:
        """The version it has."""
        return {"version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for what; `command_id` is the gateway's, of principal and Idempotency-Key."""

    account: UUID
    agent_id: UUID
    ticket_id: UUID
    command_id: UUID
    correlation: str
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The ticket as the command left it; `log_id` is the command's highest (0: nothing stored)."""

    ticket: Ticket
    version: int
    log_id: int
    window_closes_at: datetime | None
    allowed: Mapping[str, refusals.RefusedError | None]
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Loaded:
    asked: Asked
    at: datetime
    actor: Actor
    policies: Policies
    connection: ConnectionChanged
    contact: Held[Contact]
    conversation: Held[Conversation]
    ticket: Held[Ticket]

    @property
    def state(self) -> Ticket:
        if self.ticket.state is None:
            raise NotFoundError
        return self.ticket.state

    @property
    def said(self) -> Conversation:
        return self.conversation.state or Conversation()


@dataclass(slots=True)
class _Decision:
    ticket: list[TicketEvent] = field(default_factory=list[TicketEvent])
    conversation: list[MessageQueued | MessagesRead] = field(
        default_factory=list[MessageQueued | MessagesRead]
    )
    take: list[Claim] = field(default_factory=list[Claim])
    release: list[Claim] = field(default_factory=list[Claim])
    message_id: UUID | None = None

    @property
    def empty(self) -> bool:
        return not self.ticket and not self.conversation


class _Said(TypedDict):
    """Fields of everything that is said on a conversation."""

    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime


_Decide = Callable[[_Loaded], Awaitable[_Decision]]


class CommandHandler:
    """The commands that people give; every one is judged whole by one append."""

    def __init__(self, store: EventStore, warm: Warm, directory: DirectoryView, now: Clock) -> None:
        self._store = store
        self._warm = warm
        self._directory = directory
        self._now = now

    async def accept(self, asked: Asked, body: api.Accept) -> Answered:
        """Take the ticket: exactly one agent wins; raises RefusedError."""

        async def decided(loaded: _Loaded) -> _Decision:
            command = commands.Accept(
                actor=loaded.actor,
                sector_id=body.sector_id,
                sector_active=self._active(loaded, body.sector_id),
                at=loaded.at,
                policies=loaded.policies,
            )
            decision = _Decision(ticket=decide(loaded.state, command))
            if decision.ticket:
                _automatic(decision, loaded, "acceptance", loaded.connection.texts.acceptance)
            return decision

        return await self._run(asked, "accept", body.model_dump_json(), decided)

    async def close(self, asked: Asked, body: api.Close) -> Answered:
        """End the episode; raises RefusedError."""

        async def decided(loaded: _Loaded) -> _Decision:
            command = commands.Close(
                actor=loaded.actor,
                reason_id=body.reason_id,
                note=body.note,
                farewell=body.farewell,
                at=loaded.at,
                policies=loaded.policies,
            )
            decision = _Decision(ticket=decide(loaded.state, command))
            decision.release.append(_open_claim(loaded.state))
            if wants_farewell(loaded.state, command):
                _automatic(decision, loaded, "farewell", loaded.connection.texts.farewell)
            return decision

        return await self._run(asked, "close", body.model_dump_json(), decided)

    async def reopen(self, asked: Asked, body: api.Reopen) -> Answered:
        """Go on with a closed episode; raises RefusedError."""

        async def decided(loaded: _Loaded) -> _Decision:
            command = commands.Reopen(
                actor=loaded.actor,
                last_owner=owner_of(
                    self._directory.snapshot(), asked.account, loaded.state.last_owner_id
                ),
                at=loaded.at,
                policies=loaded.policies,
            )
            events = decide(loaded.state, command)
            return _Decision(ticket=events, take=[_open_claim(loaded.state)])

        return await self._run(asked, "reopen", body.model_dump_json(), decided)

    async def read(self, asked: Asked, body: api.Read) -> Answered:
        """Everything up to this message was read; raises RefusedError."""

        async def decided(loaded: _Loaded) -> _Decision:
            guards.read(loaded.state, loaded.actor)
            if loaded.said.said(body.up_to) is None:
                raise refusals.UnknownMessageError
            if loaded.said.has_read(body.up_to):
                return _Decision()
            return _Decision(conversation=[_messages_read(loaded, body.up_to)])

        return await self._run(asked, "read", body.model_dump_json(), decided)

    async def send_text(self, asked: Asked, body: api.SendText) -> Answered:
        """Say something, inside the window; raises RefusedError."""

        async def decided(loaded: _Loaded) -> _Decision:
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
            return _Decision(conversation=[queued], message_id=message_id)

        return await self._run(asked, "messages", body.model_dump_json(), decided)

    async def state(self, account: UUID, agent_id: UUID, ticket_id: UUID) -> Answered:
        """The ticket as it is, and what this agent may do; raises RefusedError."""
        ticket = await self._warm.get(TICKET, ticket_id)
        self._warm.drop([ticket_id, *([ticket.state.conversation_id] if ticket.state else [])])
        asked = Asked(
            account=account,
            agent_id=agent_id,
            ticket_id=ticket_id,
            command_id=ticket_id,
            correlation="",
        )
        return _answered(await self._load(asked), None)

    async def _run(self, asked: Asked, verb: str, body: str, decided: _Decide) -> Answered:
        hash_ = hashlib.sha256(f"{verb}:{asked.ticket_id}:{body}".encode()).hexdigest()
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        contact = (await self._load(asked)).state.contact_id
        async with self._warm.alone(contact):
            while asyncio.get_running_loop().time() < deadline:
                try:
                    answer = await self._try(asked, hash_, decided)
                except refusals.RefusedError:
                    first = await self._store.outcome(asked.account, asked.command_id)
                    if first is None:
                        raise
                    return await self._replayed(asked, hash_, first)
                if answer is not None:
                    return answer
        raise BusyError

    async def _try(self, asked: Asked, hash_: str, decided: _Decide) -> Answered | None:
        """One decision; None when the race was lost."""
        loaded = await self._load(asked)
        decision = await self._fresh(loaded, decided)
        if decision is None:
            return None
        if decision.empty:
            return _answered(loaded, None)
        command = _to_command(loaded, decision, hash_)
        verdict = await self._store.append(command)
        match verdict:
            case Stored():
                self._warm.stored(asked.account, command.expectations, verdict)
                return _answered(await self._load(asked), decision.message_id, verdict.position)
            case Repeated(outcome):
                return await self._replayed(asked, hash_, outcome)
            case Stale(stream):
                self._warm.drop([stream])
                return None
            case Taken(claim, holder):
                _refuse_taken(claim, holder, loaded.state)
                self._drop(loaded)
                return None

    async def _fresh(self, loaded: _Loaded, decided: _Decide) -> _Decision | None:
        """The decision; a refusal, or nothing to store, is only final on the newest state."""
        decision: _Decision | None = None
        try:
            _expected(loaded)
            decision = await decided(loaded)
        except refusals.RefusedError as refused:
            if await self._newest(loaded):
                if isinstance(refused, refusals.AlreadyAcceptedError):
                    refused.version = loaded.ticket.version
                raise
        if decision is not None and (not decision.empty or await self._newest(loaded)):
            return decision
        self._drop(loaded)
        return None

    async def _newest(self, loaded: _Loaded) -> bool:
        seen = [(held.id, held.version) for held in (loaded.ticket, loaded.conversation)]
        newer = await self._store.load(seen)
        return not any(newer.values())

    async def _load(self, asked: Asked) -> _Loaded:
        ticket = await self._warm.get(TICKET, asked.ticket_id)
        if ticket.state is None:
            self._warm.drop([asked.ticket_id])  # it may be opened by another process any moment
            raise NotFoundError
        if ticket.account != asked.account:
            raise NotFoundError
        state = ticket.state
        held = await self._warm.all(
            {
                state.contact_id: CONTACT,
                state.conversation_id: CONVERSATION,
                ticket.id: TICKET,
            }
        )
        directory = self._directory.snapshot()
        return _Loaded(
            asked=asked,
            at=self._now(),
            actor=actor_of(directory, asked.account, asked.agent_id),
            policies=policies_of(directory, asked.account),
            connection=directory.connection(asked.account, state.connection_id),
            contact=held[state.contact_id],
            conversation=held[state.conversation_id],
            ticket=held[ticket.id],
        )

    def _drop(self, loaded: _Loaded) -> None:
        self._warm.drop([loaded.ticket.id, loaded.conversation.id, loaded.contact.id])

    def _active(self, loaded: _Loaded, sector_id: UUID | None) -> bool:
        if sector_id is None:
            return True
        sector = self._directory.snapshot().sector(loaded.asked.account, sector_id)
        return sector is not None and sector.active

    async def _wamid(self, loaded: _Loaded, reply_to: UUID | None) -> str | None:
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

    async def _replayed(self, asked: Asked, hash_: str, outcome: bytes) -> Answered:
        """The first answer again; raises IdempotencyKeyReusedError for another request."""
        first = json.loads(outcome)
        if first["hash"] != hash_:
            raise IdempotencyKeyReusedError
        self._warm.drop([asked.ticket_id])
        loaded = await self._load(asked)
        version = int(first["ticket_version"])
        events = await self._store.stream(loaded.ticket.id, 1, version)
        ticket = folded_to(events, TICKET, version)
        last = await self._store.stream(UUID(first["stream"]), int(first["version"]), 1)
        message_id = first["message_id"]
        answer = _answered(loaded, None if message_id is None else UUID(message_id))
        return Answered(
            ticket=ticket or answer.ticket,
            version=version,
            log_id=last[0].log_id if last else answer.log_id,
            window_closes_at=answer.window_closes_at,
            allowed=answer.allowed,
            message_id=answer.message_id,
        )


def _expected(loaded: _Loaded) -> None:
    if loaded.asked.expected_version not in {None, loaded.ticket.version}:
        raise VersionMismatchError(loaded.ticket.version)


def _to_command(loaded: _Loaded, decision: _Decision, hash_: str) -> Command:
    asked, key = loaded.asked, loaded.state.contact_id
    expectations: tuple[Expectation, ...] = (
        expecting(loaded.contact, key),
        expecting(loaded.ticket, key, *decision.ticket),
        expecting(loaded.conversation, key, *decision.conversation),
    )
    last = next(one for one in reversed(expectations) if one.events)
    outcome = {
        "hash": hash_,
        "ticket_version": loaded.ticket.version + len(decision.ticket),
        "stream": str(last.stream.id),
        "version": last.version + len(last.events),
        "message_id": None if decision.message_id is None else str(decision.message_id),
    }
    if not decision.conversation:
        # nothing here depends on what was said meanwhile: who writes disturbs no accept (D1)
        expectations = expectations[:2]
    meta = Meta(loaded.at, f"agent:{asked.agent_id}", asked.command_id, asked.correlation)
    return Command(
        account=asked.account,
        meta=meta,
        expectations=expectations,
        take=tuple(decision.take),
        release=tuple(decision.release),
        outcome=json.dumps(outcome).encode(),
        seal_for=key,
    )


def _answered(loaded: _Loaded, message_id: UUID | None, log_id: int | None = None) -> Answered:
    open_until = loaded.said.window_closes_at
    return Answered(
        ticket=loaded.state,
        version=loaded.ticket.version,
        log_id=loaded.ticket.log_id if log_id is None else log_id,
        window_closes_at=open_until,
        allowed=guards.allowed(loaded.state, loaded.actor, loaded.policies, open_until, loaded.at),
        message_id=message_id,
    )


def _automatic(decision: _Decision, loaded: _Loaded, kind: str, text: str | None) -> None:
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


def _messages_read(loaded: _Loaded, up_to: UUID) -> MessagesRead:
    newest = loaded.said.newest_inbound(up_to)
    wamid = None if newest is None else newest.wamid
    return MessagesRead(
        **_said(loaded),
        up_to=up_to,
        by=loaded.actor.author,
        receipt=loaded.policies.read_receipts and wamid is not None,
        wamid=wamid,
    )


def _said(loaded: _Loaded) -> _Said:
    return {
        "conversation_id": loaded.state.conversation_id,
        "contact_id": loaded.state.contact_id,
        "connection_id": loaded.state.connection_id,
        "ticket_id": loaded.state.id,
        "occurred_at": loaded.at,
    }


def _recipient(loaded: _Loaded) -> Recipient:
    contact = loaded.contact.state
    if contact is None:
        return Recipient()
    return Recipient(phone=contact.phone, user_id=contact.user_id)


def _open_claim(ticket: Ticket) -> Claim:
    return claims.open_ticket(ticket.contact_id, ticket.connection_id, ticket.id)


def _refuse_taken(claim: Claim, holder: bytes, ticket: Ticket) -> None:
    if claim.kind == "open_ticket" and holder != ticket.id.bytes:
        raise refusals.TicketAlreadyOpenError(UUID(bytes=holder))
