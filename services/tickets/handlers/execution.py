"""Load, decide, add the side effects, append; again on a lost race: for every source (D3)."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from services.tickets.domain import refusals
from services.tickets.domain.contact.events import ContactEvent
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.conversation.events import ConversationEvent
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.message.events import MessageEvent
from services.tickets.domain.message.state import MessageState
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers.ports import Clock
from services.tickets.handlers.requests import BusyError, IdempotencyKeyReusedError, Request
from services.tickets.handlers.side_effects import Situation, claims_of, side_effects
from services.tickets.storage.contract import (
    Claim,
    Command,
    Expectation,
    Meta,
    Repeated,
    Stale,
    Stored,
    Taken,
)
from services.tickets.storage.state_cache import (
    CONVERSATION,
    TICKET,
    StateCache,
    Versioned,
    expect,
)
from services.tickets.storage.store import EventStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """What a decision sees: the newest states that this process knows.

    `ticket` and `conversation` are None where the command is about neither.
    """

    request: Request
    at: datetime
    contact: Versioned[Contact]
    ticket: Versioned[Ticket] | None
    conversation: Versioned[Conversation] | None

    @property
    def read(self) -> tuple[Versioned[Any], ...]:
        """Every stream that the decision depends on."""
        streams = (self.contact, self.ticket, self.conversation)
        return tuple(one for one in streams if one is not None)


@dataclass(slots=True)
class Changes:
    """What a decision stores, per stream; claims and timers that states name are added to it.

    `claims` are those that no state names (an inbound item, a wamid, an identity). `fired` is the
    timer that caused the command. `depends_on_conversation`: a newer message makes it stale.
    """

    contact: list[ContactEvent] = field(default_factory=list[ContactEvent])
    ticket: list[TicketEvent] = field(default_factory=list[TicketEvent])
    conversation: list[ConversationEvent] = field(default_factory=list[ConversationEvent])
    messages: list[tuple[Versioned[MessageState], Sequence[MessageEvent]]] = field(
        default_factory=list[tuple[Versioned[MessageState], Sequence[MessageEvent]]]
    )
    claims: list[Claim] = field(default_factory=list[Claim])
    fired: UUID | None = None
    message_id: UUID | None = None
    depends_on_conversation: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to store."""
        written = (self.contact, self.ticket, self.conversation, self.messages, self.claims)
        return not any(written) and self.fired is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is remembered of a stored command, under its id."""

    hash: str
    ticket_version: int
    stream: UUID
    version: int  # of that stream, after the command
    message_id: UUID | None
    at: datetime | None = None  # not in what was stored before flows were


C_co = TypeVar("C_co", bound=CommandContext, covariant=True)
C = TypeVar("C", bound=CommandContext)


@dataclass(frozen=True, slots=True)
class CommandResult(Generic[C]):
    """What became of a command: decided now on `context`, or `first`, before.

    `position` is its highest log id; None where nothing was stored now.
    """

    context: C
    message_id: UUID | None = None
    position: int | None = None
    first: Outcome | None = None


class Source(Protocol[C]):
    """One command, wherever it comes from; an instance serves all attempts of one execution."""

    async def lock_key(self) -> object:
        """Whom it is about: one decision at a time in this process. Raises RefusedError."""
        ...

    async def load(self) -> C:
        """What the decision sees. Raises RefusedError."""
        ...

    async def decide(self, context: C) -> Changes:
        """What follows. Raises RefusedError."""
        ...

    async def complete(self, context: C, changes: Changes) -> None:
        """Add to the changes what their events cause in the same append."""
        ...

    def lost(self, verdict: Stale | Taken) -> bool:
        """Whether the lost race says that this very command ran before; else it is tried again.

        Raises RefusedError where trying again cannot help.
        """
        ...


_OUTCOME: Final = TypeAdapter(Outcome)


class CommandExecutor:
    """Runs commands of all sources against the store; each is judged by one append."""

    def __init__(
        self, store: EventStore, cache: StateCache, now: Clock, bot_silence: timedelta
    ) -> None:
        self.store = store
        self.cache = cache
        self.now = now
        self._bot_silence = bot_silence

    async def execute(
        self, source: Source[C], patience_seconds: float = inf
    ) -> CommandResult[C] | None:
        """The result, now or the first one; None where claims say that it ran before.

        Raises RefusedError; BusyError after so many seconds of lost races.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience_seconds
        while clock() < deadline:
            async with self.cache.lock(await source.lock_key()):
                done, result = await self._attempt(source)
            if done:
                return result
        raise BusyError

    async def rehearse(self, source: Source[C], context: C) -> None:
        """Decide without storing; raises RefusedError where the command would be refused now."""
        changes = await source.decide(context)
        before = _state(context.ticket)
        held = claims_of(before)
        wanted = [one for one in claims_of(TICKET.after(before, changes.ticket)) if one not in held]
        if not wanted:
            return
        keys = [(one.kind, one.key) for one in wanted]
        holders = await self.store.holders(context.request.account, keys)
        for claim in wanted:
            holder = holders.get((claim.kind, claim.key))
            if holder is not None:
                source.lost(Taken(claim, holder))

    async def _attempt(self, source: Source[C]) -> tuple[bool, CommandResult[C] | None]:
        context = await source.load()
        try:
            changes = await source.decide(context)
        except refusals.RefusedError as refused:
            return await self._refused(source, context, refused)
        if changes.empty:
            return await self._unchanged(source, context)
        await source.complete(context, changes)
        command = _to_command(context, changes, context.at + self._bot_silence)
        verdict = await self.store.append(command)
        match verdict:
            case Stored(position):
                self.cache.stored(command.account, command.expectations, verdict)
                return True, CommandResult(context, changes.message_id, position)
            case Repeated(outcome):
                return True, await self._first(source, context.request, outcome)
            case Stale() | Taken():
                self._forget(command, verdict)
                return source.lost(verdict), None

    async def _refused(
        self, source: Source[C], context: C, refused: refusals.RefusedError
    ) -> tuple[bool, CommandResult[C] | None]:
        done, result = await self._unchanged(source, context)
        if not done or (result is not None and result.first is not None):
            return done, result
        if isinstance(refused, refusals.AlreadyAcceptedError) and context.ticket is not None:
            refused.version = context.ticket.version
        raise refused

    async def _unchanged(
        self, source: Source[C], context: C
    ) -> tuple[bool, CommandResult[C] | None]:
        """Nothing to store is final on the newest state only; a command that ran has an outcome."""
        if not await self._is_newest(context):
            return False, None
        request, first = context.request, None
        if request.fingerprint is not None:
            first = await self.store.outcome(request.account, request.command_id)
        if first is None:
            return True, CommandResult(context)
        return True, await self._first(source, request, first)

    async def _first(
        self, source: Source[C], request: Request, outcome: bytes
    ) -> CommandResult[C] | None:
        """The first outcome; raises IdempotencyKeyReusedError for another request."""
        if request.fingerprint is None:
            return None
        first = _OUTCOME.validate_json(outcome)
        if first.hash != _hash(request.fingerprint):
            raise IdempotencyKeyReusedError
        self.cache.drop([first.stream])
        return CommandResult(await source.load(), first.message_id, first=first)

    async def _is_newest(self, context: CommandContext) -> bool:
        """Whether nothing newer is stored; what is outdated is forgotten."""
        newer = await self.store.load([(one.id, one.version) for one in context.read])
        outdated = [stream for stream, events in newer.items() if events]
        self.cache.drop(outdated)
        return not outdated

    def _forget(self, command: Command, verdict: Stale | Taken) -> None:
        if isinstance(verdict, Stale):
            self.cache.drop([verdict.stream])
        else:
            self.cache.drop([one.stream.id for one in command.expectations])


def _to_command(context: CommandContext, changes: Changes, bot_answers_by: datetime) -> Command:
    request, key = context.request, context.contact.id
    before = Situation(_state(context.ticket), _state(context.conversation))
    after = Situation(
        TICKET.after(before.ticket, changes.ticket),
        CONVERSATION.after(before.conversation, changes.conversation),
    )
    effects = side_effects(before, after, bot_answers_by)
    fired = () if changes.fired is None else (changes.fired,)
    depends = changes.depends_on_conversation or effects.depends_on_conversation
    expectations = _expectations(context, changes, depends_on_conversation=depends)
    return Command(
        account=request.account,
        meta=Meta(context.at, request.actor, request.command_id, request.correlation),
        expectations=expectations,
        take=(*changes.claims, *effects.take),
        release=effects.release,
        set_timers=effects.set_timers,
        clear_timers=tuple({*effects.clear_timers, *fired}),
        outcome=_outcome(context, changes, expectations),
        seal_for=key,
    )


def _expectations(
    context: CommandContext, changes: Changes, *, depends_on_conversation: bool
) -> tuple[Expectation, ...]:
    """Every stream that was decided on; who writes meanwhile disturbs no accept (D1)."""
    key = context.contact.id
    found = [expect(context.contact, key, *changes.contact)]
    if context.ticket is not None:
        found.append(expect(context.ticket, key, *changes.ticket))
    if context.conversation is not None and (changes.conversation or depends_on_conversation):
        found.append(expect(context.conversation, key, *changes.conversation))
    return (*found, *(expect(stream, key, *facts) for stream, facts in changes.messages))


def _outcome(
    context: CommandContext, changes: Changes, expectations: tuple[Expectation, ...]
) -> bytes | None:
    """Names the last event; the ticket as it was where only timers change."""
    if context.request.fingerprint is None or context.ticket is None:
        return None
    unchanged = expect(context.ticket, context.contact.id)
    last = ([one for one in expectations if one.events] or [unchanged])[-1]
    outcome = Outcome(
        hash=_hash(context.request.fingerprint),
        ticket_version=context.ticket.version + len(changes.ticket),
        stream=last.stream.id,
        version=last.version + len(last.events),
        message_id=changes.message_id,
        at=context.at,
    )
    return _OUTCOME.dump_json(outcome)


S = TypeVar("S")


def _state(stream: Versioned[S] | None) -> S | None:
    return None if stream is None else stream.state


def _hash(fingerprint: str) -> str:
    return hashlib.sha256(fingerprint.encode()).hexdigest()
