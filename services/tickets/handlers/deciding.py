"""Load, decide, append once; again on a lost race, for as long as the asker is patient (D3)."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from services.tickets.domain import refusals
from services.tickets.domain.contact.events import ContactEvent
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.conversation.events import (
    MessageCancelRequested,
    MessageQueued,
    MessagesRead,
)
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers import slots, unclaimed
from services.tickets.handlers.asked import (
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
    TimerSet,
)
from services.tickets.handlers.warm import (
    CONTACT,
    CONVERSATION,
    TICKET,
    Held,
    Warm,
    expecting,
)
from shared.contracts.directory import ConnectionChanged

PATIENCE_SECONDS: Final = 2.0  # of a person; then `busy` (protocols.md 2)
Saying = MessageQueued | MessagesRead | MessageCancelRequested
"""What a command may store on a conversation."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a decision sees: the newest that this process knows, and the directory of now."""

    asked: Asked
    at: datetime
    asker: Actor | None  # None: a machine
    policies: Policies
    connection: ConnectionChanged
    contact: Held[Contact]
    conversation: Held[Conversation]
    ticket: Held[Ticket]

    @property
    def actor(self) -> Actor:
        """The agent who asks; raises ForbiddenError where a machine does."""
        if self.asker is None:
            raise refusals.ForbiddenError
        return self.asker

    @property
    def state(self) -> Ticket:
        """The ticket; raises NotFoundError."""
        if self.ticket.state is None:
            raise NotFoundError
        return self.ticket.state

    @property
    def flow_id(self) -> UUID | None:
        """The flow that may be started: the connection's, and never for a group (domain.md 2.6)."""
        group = self.contact.state is not None and self.contact.state.group
        return None if group else self.connection.flow_id

    @property
    def said(self) -> Conversation:
        """The conversation, empty before anything was said."""
        return self.conversation.state or Conversation()


@dataclass(slots=True)
class Decision:
    """What a command brings besides its expectations; it may grow while it is made.

    `heard`: it depends on what the customer said last, so a newer message makes it stale.
    """

    ticket: list[TicketEvent] = field(default_factory=list[TicketEvent])
    conversation: list[Saying] = field(default_factory=list[Saying])
    contact: list[ContactEvent] = field(default_factory=list[ContactEvent])
    take: list[Claim] = field(default_factory=list[Claim])
    release: list[Claim] = field(default_factory=list[Claim])
    set_timers: list[TimerSet] = field(default_factory=list[TimerSet])
    clear_timers: list[UUID] = field(default_factory=list[UUID])
    message_id: UUID | None = None
    heard: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to store."""
        return not (self.ticket or self.conversation or self.contact or self.clear_timers)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is remembered of a stored command, under its id."""

    hash: str
    ticket_version: int
    stream: UUID
    version: int  # of that stream, after the command
    message_id: UUID | None
    at: datetime | None = None  # not in what was stored before flows were


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a command: decided now, or `first`, before.

    `position` is its highest log id; None where it had nothing to store.
    """

    loaded: Loaded
    message_id: UUID | None = None
    position: int | None = None
    first: Outcome | None = None


Decide = Callable[[Loaded], Awaitable[Decision]]
_OUTCOME: Final = TypeAdapter(Outcome)


class Deciding:
    """Runs decisions of people and machines against the store; each is judged by one append."""

    def __init__(self, store: EventStore, warm: Warm, directory: DirectoryView, now: Clock) -> None:
        self._store = store
        self._warm = warm
        self._directory = directory
        self._now = now

    async def settle(
        self, asked: Asked, request: str, decided: Decide, patience_seconds: float = inf
    ) -> Settled:
        """Decide once, or find the first outcome; raises RefusedError.

        `request` is what the same command id must ask for again. After so many seconds of lost
        races: BusyError.
        """
        hash_ = hashlib.sha256(request.encode()).hexdigest()
        deadline = asyncio.get_running_loop().time() + patience_seconds
        contact = (await self.load(asked)).state.contact_id
        async with self._warm.alone(contact):
            while asyncio.get_running_loop().time() < deadline:
                try:
                    settled = await self._try(asked, hash_, decided)
                except refusals.RefusedError:
                    first = await self._store.outcome(asked.account, asked.command_id)
                    if first is None:
                        raise
                    return await self._before(asked, hash_, first)
                if settled is not None:
                    return settled
        raise BusyError

    async def load(self, asked: Asked) -> Loaded:
        """What a decision sees; raises NotFoundError, ForbiddenError."""
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
            asker=await self._asker(asked, state),
            policies=policies_of(directory, asked.account),
            connection=directory.connection(asked.account, state.connection_id),
            contact=held[state.contact_id],
            conversation=held[state.conversation_id],
            ticket=held[ticket.id],
        )

    async def _asker(self, asked: Asked, ticket: Ticket) -> Actor | None:
        if asked.agent_id is None:
            return None
        actor = actor_of(self._directory.snapshot(), asked.account, asked.agent_id)
        if ticket.owner_id is not None:
            return actor  # nothing that they ask of an owned ticket makes it theirs
        return await slots.with_slot(self._store, asked.account, actor)

    async def _try(self, asked: Asked, hash_: str, decided: Decide) -> Settled | None:
        """One decision; None when the race was lost."""
        loaded = await self.load(asked)
        decision = await self._fresh(loaded, decided)
        if decision is None:
            return None
        if decision.empty:
            return Settled(loaded)
        command = _to_command(loaded, decision, hash_)
        verdict = await self._store.append(command)
        match verdict:
            case Stored():
                self._warm.stored(asked.account, command.expectations, verdict)
                now = replace(await self.load(asked), at=loaded.at)
                return Settled(now, decision.message_id, verdict.position or now.ticket.log_id)
            case Repeated(outcome):
                return await self._before(asked, hash_, outcome)
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

    def _drop(self, loaded: Loaded) -> None:
        self._warm.drop([loaded.ticket.id, loaded.conversation.id, loaded.contact.id])

    async def _before(self, asked: Asked, hash_: str, outcome: bytes) -> Settled:
        """The first outcome; raises IdempotencyKeyReusedError for another request."""
        first = _OUTCOME.validate_json(outcome)
        if first.hash != hash_:
            raise IdempotencyKeyReusedError
        self._warm.drop([asked.ticket_id])
        return Settled(await self.load(asked), first.message_id, first=first)


def _expected(loaded: Loaded) -> None:
    if loaded.asked.expected_version not in {None, loaded.ticket.version}:
        raise VersionMismatchError(loaded.ticket.version)


def _to_command(loaded: Loaded, decision: Decision, hash_: str) -> Command:
    asked, key = loaded.asked, loaded.state.contact_id
    expectations: tuple[Expectation, ...] = (
        expecting(loaded.contact, key, *decision.contact),
        expecting(loaded.ticket, key, *decision.ticket),
        expecting(loaded.conversation, key, *decision.conversation),
    )
    outcome = _outcome(loaded, decision, expectations, hash_)
    taken, released = slots.changed(loaded.state, decision.ticket)
    armed, cleared = unclaimed.changed(loaded.state, decision.ticket)
    if not decision.conversation and not decision.heard:
        # nothing here depends on what was said meanwhile: who writes disturbs no accept (D1)
        expectations = expectations[:2]
    return Command(
        account=asked.account,
        meta=Meta(loaded.at, asked.actor, asked.command_id, asked.correlation),
        expectations=expectations,
        take=(*decision.take, *taken),
        release=(*decision.release, *released),
        set_timers=(*decision.set_timers, *armed),
        clear_timers=(*decision.clear_timers, *cleared),
        outcome=_OUTCOME.dump_json(outcome),
        seal_for=key,
    )


def _outcome(
    loaded: Loaded, decision: Decision, expectations: tuple[Expectation, ...], hash_: str
) -> Outcome:
    """Named by the last event; by the ticket as it was where only timers change."""
    written = [one for one in expectations if one.events] or [expectations[1]]
    return Outcome(
        hash=hash_,
        ticket_version=loaded.ticket.version + len(decision.ticket),
        stream=written[-1].stream.id,
        version=written[-1].version + len(written[-1].events),
        message_id=decision.message_id,
        at=loaded.at,
    )


def _refuse_taken(claim: Claim, holder: bytes, ticket: Ticket) -> None:
    if claim.kind == "open_ticket" and holder != ticket.id.bytes:
        raise refusals.TicketAlreadyOpenError(UUID(bytes=holder))
