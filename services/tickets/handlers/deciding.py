"""Load, decide, append once; again on a lost race, until two seconds have passed (D3)."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.conversation.events import MessageQueued, MessagesRead
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers.asked import (
    Answered,
    Asked,
    BusyError,
    IdempotencyKeyReusedError,
    NotFoundError,
    VersionMismatchError,
)
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.policies import actor_of, policies_of
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
    TICKET,
    Held,
    Warm,
    expecting,
    folded_to,
)
from shared.contracts.directory import ConnectionChanged

PATIENCE_SECONDS: Final = 2.0  # then `busy` (protocols.md 2)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a decision sees: the newest that this process knows, and the directory of now."""

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
        """The ticket; raises NotFoundError."""
        if self.ticket.state is None:
            raise NotFoundError
        return self.ticket.state

    @property
    def said(self) -> Conversation:
        """The conversation, empty before anything was said."""
        return self.conversation.state or Conversation()


@dataclass(slots=True)
class Decision:
    """What a command brings besides its expectations; it may grow while it is made."""

    ticket: list[TicketEvent] = field(default_factory=list[TicketEvent])
    conversation: list[MessageQueued | MessagesRead] = field(
        default_factory=list[MessageQueued | MessagesRead]
    )
    take: list[Claim] = field(default_factory=list[Claim])
    release: list[Claim] = field(default_factory=list[Claim])
    message_id: UUID | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to store."""
        return not self.ticket and not self.conversation


Decide = Callable[[Loaded], Awaitable[Decision]]


class Deciding:
    """Runs decisions of people against the store; every one is judged whole by one append."""

    def __init__(self, store: EventStore, warm: Warm, directory: DirectoryView, now: Clock) -> None:
        self._store = store
        self._warm = warm
        self._directory = directory
        self._now = now

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

    async def run(self, asked: Asked, verb: str, body: str, decided: Decide) -> Answered:
        """The answer of one command, or its first answer again; raises RefusedError."""
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

    async def _try(self, asked: Asked, hash_: str, decided: Decide) -> Answered | None:
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

    async def _fresh(self, loaded: Loaded, decided: Decide) -> Decision | None:
        """The decision; a refusal, or nothing to store, is only final on the newest state."""
        decision: Decision | None = None
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

    async def _newest(self, loaded: Loaded) -> bool:
        seen = [(held.id, held.version) for held in (loaded.ticket, loaded.conversation)]
        newer = await self._store.load(seen)
        return not any(newer.values())

    async def _load(self, asked: Asked) -> Loaded:
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
        return Loaded(
            asked=asked,
            at=self._now(),
            actor=actor_of(directory, asked.account, asked.agent_id),
            policies=policies_of(directory, asked.account),
            connection=directory.connection(asked.account, state.connection_id),
            contact=held[state.contact_id],
            conversation=held[state.conversation_id],
            ticket=held[ticket.id],
        )

    def _drop(self, loaded: Loaded) -> None:
        self._warm.drop([loaded.ticket.id, loaded.conversation.id, loaded.contact.id])

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


def _expected(loaded: Loaded) -> None:
    if loaded.asked.expected_version not in {None, loaded.ticket.version}:
        raise VersionMismatchError(loaded.ticket.version)


def _to_command(loaded: Loaded, decision: Decision, hash_: str) -> Command:
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


def _answered(loaded: Loaded, message_id: UUID | None, log_id: int | None = None) -> Answered:
    open_until = loaded.said.window_closes_at
    return Answered(
        ticket=loaded.state,
        version=loaded.ticket.version,
        log_id=loaded.ticket.log_id if log_id is None else log_id,
        window_closes_at=open_until,
        allowed=guards.allowed(loaded.state, loaded.actor, loaded.policies, open_until, loaded.at),
        message_id=message_id,
    )


def _refuse_taken(claim: Claim, holder: bytes, ticket: Ticket) -> None:
    if claim.kind == "open_ticket" and holder != ticket.id.bytes:
        raise refusals.TicketAlreadyOpenError(UUID(bytes=holder))
