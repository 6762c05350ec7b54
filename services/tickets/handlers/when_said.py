"""When a customer said something: the table of domain.md 2.4, in one append."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from services.tickets.domain import automatic
from services.tickets.domain.automatic import Due
from services.tickets.domain.conversation.events import MessageQueued, MessageReceived
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.conversation.window import closes_at
from services.tickets.domain.inbound import Arrival, Effect, effect
from services.tickets.domain.people import Recipient
from services.tickets.domain.silence import timer_id
from services.tickets.domain.ticket.events import (
    AutoMessageSkipped,
)
from services.tickets.handlers import claims
from services.tickets.handlers.contents import content_of, referral_of
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.episodes import Episode, Episodes, Saying
from services.tickets.handlers.machine import Machine, sender_of
from services.tickets.handlers.people import Found, Recognised, recognise
from services.tickets.handlers.policies import policies_of
from services.tickets.handlers.ports import NewId
from services.tickets.handlers.protocols import Protocols
from services.tickets.handlers.store import Command, Stale, Taken, TimerSet
from services.tickets.handlers.timers import silent_at
from services.tickets.handlers.warm import CONVERSATION, Held, expecting
from shared.contracts import inbound


@dataclass(frozen=True, slots=True)
class _Round:
    """What is known from lost races of this item."""

    without: frozenset[tuple[str, bytes]] = frozenset()  # claims that are ours already
    open_ticket: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Timers:
    armed: tuple[TimerSet, ...] = ()
    cleared: tuple[UUID, ...] = ()


class WhenSaid:
    """Opens, appends or reopens; one contact at a time in this process."""

    def __init__(
        self,
        machine: Machine,
        directory: DirectoryView,
        protocols: Protocols,
        new_id: NewId,
        silence: timedelta,
    ) -> None:
        self._silence = silence
        self._machine = machine
        self._directory = directory
        self._episodes = Episodes(machine, directory, protocols, new_id)

    async def when_said(self, item: inbound.InboundMessage, correlation: str) -> None:
        """Store it, now or before. Raises NobodyError."""
        account = item.account_id
        sender = sender_of(item)
        keys = self._machine.people.keys(account, sender, item.group_id)
        hash_ = claims.wamid_hash(self._machine.hasher, account, item.connection_id, item.wamid)
        message_id = uuid5(item.connection_id, hash_.hex())
        known = _Round()
        while True:
            found = await self._machine.people.find(account, keys)
            async with self._machine.warm.alone(keys[0] if found.new else found.contact_id):
                saying = Saying(item, sender, found, message_id, hash_, correlation)
                command = await self._to_command(saying, known)
                again = await self._store_said(command, keys, found, known)
            if again is None:
                return
            known = again

    async def _to_command(self, saying: Saying, known: _Round) -> Command:
        item, found = saying.item, saying.found
        directory = self._directory.snapshot()
        connection = directory.connection(item.account_id, item.connection_id)
        policies = policies_of(directory, item.account_id)
        who = await recognise(
            self._machine.warm,
            found,
            saying.sender,
            item.occurred_at,
            group=item.group_id is not None,
        )
        conversation_id = uuid5(found.contact_id, str(item.connection_id))
        conversation = await self._machine.warm.get(CONVERSATION, conversation_id)
        newest = await self._episodes.newest(saying, conversation.state, known.open_ticket)
        now = self._machine.now()
        text = item.text if isinstance(item, inbound.TextReceived) else None
        state = None if newest is None else newest.state
        what = effect(state, Arrival(item.occurred_at, text), policies)
        episode = await self._episodes.of(saying, what, newest, policies, connection, now)
        window = closes_at(
            conversation.state.window_closes_at if conversation.state else None, item.occurred_at
        )
        received = await self._received(saying, conversation_id, episode, window, what)
        greeting = None
        text_to_send = connection.texts.greeting
        flow = episode.session_id is not None  # whose first node greets
        if what is Effect.OPEN and text_to_send is not None and item.group_id is None and not flow:
            said = conversation.state or Conversation()
            if automatic.greets(said, policies, now):
                greeting = automatic.queue(
                    _greeting(saying, who, episode, conversation_id, text_to_send, window, now)
                )
        timers = self._heard(episode, received, conversation.state, now)
        return self._built(saying, who, conversation, episode, received, greeting, timers, known)

    async def _received(
        self,
        saying: Saying,
        conversation_id: UUID,
        episode: Episode,
        window: datetime,
        what: Effect,
    ) -> MessageReceived:
        item = saying.item
        return MessageReceived(
            message_id=saying.message_id,
            conversation_id=conversation_id,
            contact_id=saying.found.contact_id,
            connection_id=item.connection_id,
            ticket_id=episode.held.id,
            occurred_at=item.occurred_at,
            window_closes_at=window,
            wamid_hash=saying.wamid_hash.hex(),
            reply_to=await self._reply_to(item),
            forwarded=item.context is not None
            and (item.context.forwarded or item.context.frequently_forwarded),
            after_close=what is Effect.APPEND_AFTER_CLOSE,
            content=content_of(item),
            sender=saying.sender,
            wamid=item.wamid,
            referral=referral_of(item),
            raw=item.raw,
        )

    async def _reply_to(self, item: inbound.InboundMessage) -> UUID | None:
        if item.context is None or item.context.wamid is None:
            return None
        wamid = item.context.wamid
        hash_ = claims.wamid_hash(self._machine.hasher, item.account_id, item.connection_id, wamid)
        held = await self._machine.store.holders(item.account_id, [("wamid", hash_)])
        holder = held.get(("wamid", hash_))
        return None if holder is None else UUID(bytes=holder)

    def _heard(
        self,
        episode: Episode,
        received: MessageReceived,
        said: Conversation | None,
        now: datetime,
    ) -> _Timers:
        """A flow must answer this message; it need not answer the one before any more."""
        session_id = episode.session_id
        if session_id is None:
            return _Timers()
        due = now + self._silence
        armed = silent_at(episode.held.id, session_id, received.message_id, due)
        before = None if said is None else said.last_received_id
        cleared = () if before is None else (timer_id(session_id, before),)
        return _Timers((armed,), cleared)

    def _built(
        self,
        saying: Saying,
        who: Recognised,
        conversation: Held[Conversation],
        episode: Episode,
        received: MessageReceived,
        greeting: MessageQueued | AutoMessageSkipped | None,
        timers: _Timers,
        known: _Round,
    ) -> Command:
        item, key = saying.item, saying.found.contact_id
        said: tuple[object, ...] = (received,)
        happened: tuple[object, ...] = episode.events
        take = [
            claims.inbound(
                self._machine.hasher,
                item.account_id,
                saying.message_id,
                str(item.connection_id),
                item.wamid,
            ),
            claims.wamid(saying.wamid_hash, saying.message_id),
            *who.take,
            *episode.take,
        ]
        if isinstance(greeting, MessageQueued):
            said = (*said, greeting)
            take.append(claims.automatic(greeting.message_id))
        elif greeting is not None:
            happened = (*happened, greeting)
        return Command(
            account=item.account_id,
            meta=self._machine.meta(saying.message_id, f"contact:{key}", saying.correlation),
            expectations=(
                expecting(who.held, key, *who.events),
                expecting(episode.held, key, *happened),
                expecting(conversation, key, *said),
            ),
            take=tuple(one for one in take if (one.kind, one.key) not in known.without),
            set_timers=timers.armed,
            clear_timers=timers.cleared,
            seal_for=key,
        )

    async def _store_said(
        self, command: Command, keys: list[bytes], found: Found, known: _Round
    ) -> _Round | None:
        """None when it is stored, now or before; else what to know when deciding again."""
        verdict = await self._machine.append(command, keys)
        match verdict:
            case None:
                self._machine.people.remember(command.account, found.free, found.contact_id)
                return None
            case Taken(claim, holder) if claim.kind == "inbound":
                del holder
                return None  # the same item again (domain.md 2.4, test 1)
            case Taken(claim, holder) if claim.kind == "open_ticket":
                return replace(known, open_ticket=UUID(bytes=holder))
            case Taken(claim, _) if claim.kind in {"wamid", "automatic"}:
                return replace(known, without=known.without | {(claim.kind, claim.key)})
            case Stale() | Taken():
                return replace(known, open_ticket=None)


def _greeting(
    saying: Saying,
    who: Recognised,
    episode: Episode,
    conversation_id: UUID,
    text: str,
    window: datetime,
    now: datetime,
) -> Due:
    known = who.held.state
    return Due(
        kind="greeting",
        cause=saying.message_id,
        text=text,
        at=now,
        ticket_id=episode.held.id,
        contact_id=saying.found.contact_id,
        connection_id=saying.item.connection_id,
        conversation_id=conversation_id,
        protocol=episode.protocol,
        name=saying.sender.name or (known.name if known else None),
        recipient=Recipient(
            phone=saying.sender.phone or (known.phone if known else None),
            user_id=saying.sender.user_id or (known.user_id if known else None),
        ),
        window_closes_at=window,
    )
