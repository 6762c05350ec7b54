"""When something arrived: their fact, our command (domain.md 2.4). Lost races are tried again."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from services.tickets.domain import automatic
from services.tickets.domain.automatic import Due
from services.tickets.domain.contact.events import ContactIdentified
from services.tickets.domain.content import ProviderError
from services.tickets.domain.conversation.events import MessageQueued, MessageReceived
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.conversation.window import closes_at
from services.tickets.domain.inbound import Arrival, Effect, effect
from services.tickets.domain.message import events as facts
from services.tickets.domain.message.decide import learn
from services.tickets.domain.people import CONTACT as BY_CONTACT
from services.tickets.domain.people import Recipient, Sender
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.commands import OpenByInbound, ReopenByInbound
from services.tickets.domain.ticket.decide import decide, open_by_inbound
from services.tickets.domain.ticket.events import AutoMessageSkipped, TicketEvent
from services.tickets.domain.ticket.state import OPEN, Ticket
from services.tickets.handlers import claims
from services.tickets.handlers.contents import content_of, referral_of
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.people import Found, People, Recognised, recognise
from services.tickets.handlers.policies import owner_of, policies_of
from services.tickets.handlers.ports import Clock, Hasher, NewId
from services.tickets.handlers.protocols import Protocols
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
)
from shared.contracts import inbound, outbound

_NAMESPACE: Final = UUID("0f0a6d3c-54b8-5b0e-9d0a-3f6a4d2a6a55")
_STATUSES: Final[dict[type[inbound.Status], type[facts.MessageFact]]] = {
    inbound.StatusSent: facts.MessageSent,
    inbound.StatusDelivered: facts.MessageDelivered,
    inbound.StatusRead: facts.MessageRead,
    inbound.StatusPlayed: facts.MessagePlayed,
}
_FATES: Final[dict[type[outbound.Fate], type[facts.MessageFact]]] = {
    outbound.MessageSent: facts.MessageSent,
    outbound.MessageDelivered: facts.MessageDelivered,
    outbound.MessageRead: facts.MessageRead,
    outbound.MessagePlayed: facts.MessagePlayed,
}


@dataclass(frozen=True, slots=True)
class _Round:
    """What is known from lost races of this item."""

    without: frozenset[tuple[str, bytes]] = frozenset()  # claims that are ours already
    open_ticket: UUID | None = None


class Reactions:
    """Reactions to inbound.events and outbound.events; a repeat changes nothing."""

    def __init__(
        self,
        store: EventStore,
        warm: Warm,
        directory: DirectoryView,
        people: People,
        protocols: Protocols,
        hasher: Hasher,
        now: Clock,
        new_id: NewId,
    ) -> None:
        self._store = store
        self._warm = warm
        self._directory = directory
        self._people = people
        self._protocols = protocols
        self._hasher = hasher
        self._now = now
        self._new_id = new_id

    async def when_inbound(self, item: inbound.Item, correlation: str) -> None:
        """Apply one item of a webhook; what says nothing to us is passed by. Raises NobodyError."""
        match item:
            case inbound.ReactionChanged() | inbound.MessageEdited() | inbound.MessageRevoked():
                await self._when_about_message(item, correlation)
            case inbound.IdentityChanged():
                await self._when_identity_changed(item, correlation)
            case inbound.InboundMessage():
                await self._when_said(item, correlation)
            case inbound.Status(opaque_id=None):
                await self._when_status(item, correlation)
            case _:
                return

    async def when_outbound(self, event: outbound.Fate, correlation: str) -> None:
        """Apply what outbound reports of one of our messages."""
        fact = self._fact_of(event)
        if fact is None:
            return
        meta = self._meta(uuid5(event.message_id, event.TYPE), "outbound", correlation)
        async with self._warm.alone(event.contact_id):
            while not await self._learnt(event, fact, meta):
                pass

    # --- what somebody said

    async def _when_said(self, item: inbound.InboundMessage, correlation: str) -> None:
        account = item.account_id
        sender = _sender(item)
        keys = self._people.keys(account, sender, item.group_id)
        hash_ = claims.wamid_hash(self._hasher, account, item.connection_id, item.wamid)
        message_id = uuid5(item.connection_id, hash_.hex())
        known = _Round()
        while True:
            found = await self._people.find(account, keys)
            async with self._warm.alone(keys[0] if found.new else found.contact_id):
                saying = _Saying(item, sender, found, message_id, hash_, correlation)
                command = await self._to_command(saying, known)
                again = await self._store_said(command, keys, found, known)
            if again is None:
                return
            known = again

    async def _to_command(self, saying: "_Saying", known: _Round) -> Command:
        item, found = saying.item, saying.found
        directory = self._directory.snapshot()
        connection = directory.connection(item.account_id, item.connection_id)
        policies = policies_of(directory, item.account_id)
        who = await recognise(
            self._warm, found, saying.sender, item.occurred_at, group=item.group_id is not None
        )
        conversation_id = uuid5(found.contact_id, str(item.connection_id))
        conversation = await self._warm.get(CONVERSATION, conversation_id)
        newest = await self._newest_ticket(saying, conversation.state, known)
        now = self._now()
        text = item.text if isinstance(item, inbound.TextReceived) else None
        state = None if newest is None else newest.state
        what = effect(state, Arrival(item.occurred_at, text), policies)
        episode = await self._episode(saying, what, newest, policies, connection.sector_id, now)
        window = closes_at(
            conversation.state.window_closes_at if conversation.state else None, item.occurred_at
        )
        received = await self._received(saying, conversation_id, episode, window, what)
        greeting = None
        text_to_send = connection.texts.greeting
        if what is Effect.OPEN and text_to_send is not None and item.group_id is None:
            said = conversation.state or Conversation()
            if automatic.greets(said, policies, now):
                greeting = automatic.queue(
                    _greeting(saying, who, episode, conversation_id, text_to_send, window, now)
                )
        return self._built(saying, who, conversation, episode, received, greeting, known)

    async def _newest_ticket(
        self, saying: "_Saying", conversation: Conversation | None, known: _Round
    ) -> Held[Ticket] | None:
        """The open ticket, wherever it is; else the last one that was spoken in."""
        last = None if conversation is None else conversation.last_ticket_id
        wanted = known.open_ticket or last
        if wanted is None:
            return None
        if known.open_ticket is not None:
            return await self._open_ticket(known.open_ticket)
        held = await self._warm.get(TICKET, wanted)
        if held.state is None or held.state.lifecycle in OPEN:
            return held
        claim = claims.open_ticket(saying.found.contact_id, saying.item.connection_id, wanted)
        key = (claim.kind, claim.key)
        holder = (await self._store.holders(saying.item.account_id, [key])).get(key)
        if holder is None:
            return held
        return await self._open_ticket(UUID(bytes=holder))  # it, or an older one, was reopened

    async def _open_ticket(self, ticket_id: UUID) -> Held[Ticket]:
        """The ticket that the claim calls open: where we remember it closed, we are late."""
        held = await self._warm.get(TICKET, ticket_id)
        if held.state is not None and held.state.lifecycle in OPEN:
            return held
        self._warm.drop([ticket_id])
        return await self._warm.get(TICKET, ticket_id)

    async def _episode(
        self,
        saying: "_Saying",
        what: Effect,
        newest: Held[Ticket] | None,
        policies: Policies,
        sector_id: UUID | None,
        now: datetime,
    ) -> "_Episode":
        if what is Effect.OPEN or newest is None or newest.state is None:
            return await self._opened(saying, newest, policies, sector_id, now)
        if what is Effect.REOPEN:
            ticket = newest.state
            snapshot = self._directory.snapshot()
            owner = owner_of(snapshot, saying.item.account_id, ticket.last_owner_id)
            command = ReopenByInbound(last_owner=owner, at=now, policies=policies)
            events = decide(ticket, command)
            claim = claims.open_ticket(ticket.contact_id, ticket.connection_id, ticket.id)
            return _Episode(newest, tuple(events), (claim,), ticket.protocol)
        return _Episode(newest, (), (), newest.state.protocol)

    async def _opened(
        self,
        saying: "_Saying",
        newest: Held[Ticket] | None,
        policies: Policies,
        sector_id: UUID | None,
        now: datetime,
    ) -> "_Episode":
        item = saying.item
        account = self._directory.snapshot().account(item.account_id)
        protocol = await self._protocols.next(item.account_id, account.timezone, now)
        ticket_id = self._new_id()
        contact_id = saying.found.contact_id
        command = OpenByInbound(
            ticket_id=ticket_id,
            contact_id=contact_id,
            connection_id=item.connection_id,
            conversation_id=uuid5(contact_id, str(item.connection_id)),
            protocol=protocol,
            sector_id=sector_id,
            previous_ticket_id=None if newest is None else newest.id,
            at=now,
            policies=policies,
        )
        take = (
            claims.open_ticket(contact_id, item.connection_id, ticket_id),
            claims.protocol(protocol, ticket_id),
        )
        held = await self._warm.get(TICKET, ticket_id)
        return _Episode(held, tuple(open_by_inbound(command)), take, protocol)

    async def _received(
        self,
        saying: "_Saying",
        conversation_id: UUID,
        episode: "_Episode",
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
        hash_ = claims.wamid_hash(self._hasher, item.account_id, item.connection_id, wamid)
        held = await self._store.holders(item.account_id, [("wamid", hash_)])
        holder = held.get(("wamid", hash_))
        return None if holder is None else UUID(bytes=holder)

    def _built(
        self,
        saying: "_Saying",
        who: Recognised,
        conversation: Held[Conversation],
        episode: "_Episode",
        received: MessageReceived,
        greeting: MessageQueued | AutoMessageSkipped | None,
        known: _Round,
    ) -> Command:
        item, key = saying.item, saying.found.contact_id
        said: tuple[object, ...] = (received,)
        happened: tuple[object, ...] = episode.events
        take = [
            claims.inbound(
                self._hasher,
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
            meta=self._meta(saying.message_id, f"contact:{key}", saying.correlation),
            expectations=(
                expecting(who.held, key, *who.events),
                expecting(episode.held, key, *happened),
                expecting(conversation, key, *said),
            ),
            take=tuple(one for one in take if (one.kind, one.key) not in known.without),
            seal_for=key,
        )

    async def _store_said(
        self, command: Command, keys: list[bytes], found: Found, known: _Round
    ) -> _Round | None:
        """None when it is stored, now or before; else what to know when deciding again."""
        verdict = await self._append(command, keys)
        match verdict:
            case None:
                self._people.remember(command.account, found.free, found.contact_id)
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

    # --- facts about a message

    async def _when_about_message(
        self,
        item: inbound.ReactionChanged | inbound.MessageEdited | inbound.MessageRevoked,
        correlation: str,
    ) -> None:
        await self._when_fact(
            item,
            item.target_wamid,
            _sender(item),
            item.group_id,
            (str(item.connection_id), item.wamid),
            correlation,
        )

    async def _when_status(self, item: inbound.Status, correlation: str) -> None:
        sender = Sender(phone=item.recipient_phone, user_id=item.recipient_user_id)
        participant = item.participant_user_id or item.participant_phone or ""
        parts = (str(item.connection_id), item.wamid, item.TYPE, participant)
        await self._when_fact(item, item.wamid, sender, item.group_id, parts, correlation)

    async def _when_fact(
        self,
        item: inbound.Item,
        wamid: str,
        sender: Sender,
        group_id: str | None,
        parts: tuple[str, ...],
        correlation: str,
    ) -> None:
        """Keep a fact under the message it is about, also when that is not known yet."""
        account = item.account_id
        keys = self._people.keys(account, sender, group_id)
        hash_ = claims.wamid_hash(self._hasher, account, item.connection_id, wamid)
        while True:
            found = await self._people.find(account, keys)
            async with self._warm.alone(keys[0] if found.new else found.contact_id):
                who = await recognise(
                    self._warm, found, sender, self._now(), group=group_id is not None
                )
                held = await self._store.holders(account, [("wamid", hash_)])
                holder = held.get(("wamid", hash_))
                derived = uuid5(item.connection_id, hash_.hex())
                message_id = derived if holder is None else UUID(bytes=holder)
                fact = _fact_of_item(item, message_id)
                if fact is None:
                    return
                message = await self._warm.get(MESSAGE, message_id)
                take = [claims.inbound(self._hasher, account, message_id, *parts), *who.take]
                if holder is None:
                    take.append(claims.wamid(hash_, message_id))
                key = found.contact_id
                command = Command(
                    account=account,
                    meta=self._meta(uuid5(message_id, "".join(parts)), "meta", correlation),
                    expectations=(
                        expecting(who.held, key, *who.events),
                        expecting(message, key, *learn(message.state, fact)),
                    ),
                    take=tuple(take),
                    seal_for=key,
                )
                verdict = await self._append(command, keys)
            if verdict is None:
                self._people.remember(account, found.free, found.contact_id)
                return
            if isinstance(verdict, Taken) and verdict.claim.kind == "inbound":
                return

    async def _when_identity_changed(self, item: inbound.IdentityChanged, correlation: str) -> None:
        """Another number or user id of the same person: claimed for the same contact."""
        account = item.account_id
        before = _sender(item)
        if item.previous_user_id is not None:
            before = Sender(phone=before.phone, user_id=item.previous_user_id)
        after = Sender(phone=item.new_phone, user_id=item.new_user_id)
        if after.phone is None and after.user_id is None:
            return
        keys = self._people.keys(account, before, None)
        new_keys = self._people.keys(account, after, None)
        parts = (str(item.connection_id), item.wamid)
        while True:
            found = await self._people.find(account, keys)
            if found.new:
                return  # somebody who never wrote to us
            async with self._warm.alone(found.contact_id):
                held = await self._warm.get(CONTACT, found.contact_id)
                owners = await self._store.holders(account, [("identity", k) for k in new_keys])
                free = [key for key in new_keys if ("identity", key) not in owners]
                changed = ContactIdentified(
                    contact_id=found.contact_id,
                    occurred_at=item.occurred_at,
                    phone=after.phone,
                    user_id=after.user_id,
                )
                command = Command(
                    account=account,
                    meta=self._meta(uuid5(found.contact_id, item.wamid), "meta", correlation),
                    expectations=(expecting(held, found.contact_id, *([changed] if free else [])),),
                    take=(
                        claims.inbound(self._hasher, account, found.contact_id, *parts),
                        *(claims.identity(key, found.contact_id) for key in free),
                    ),
                    seal_for=found.contact_id,
                )
                verdict = await self._append(command, [*keys, *new_keys])
            if verdict is None or (isinstance(verdict, Taken) and verdict.claim.kind == "inbound"):
                return

    # --- what became of our own messages

    def _fact_of(self, event: outbound.Fate) -> facts.MessageEvent | None:
        id_, at = event.message_id, event.occurred_at
        match event:
            case outbound.MessageAccepted():
                hash_ = claims.wamid_hash(
                    self._hasher, event.account_id, event.connection_id, event.wamid
                )
                return facts.MessageAccepted(
                    message_id=id_, occurred_at=at, wamid_hash=hash_.hex(), wamid=event.wamid
                )
            case outbound.MessageFailed():
                errors = tuple(ProviderError(**error.model_dump()) for error in event.errors)
                return facts.MessageFailed(
                    message_id=id_, occurred_at=at, reason=event.reason, errors=errors
                )
            case outbound.MessageOutcomeUnknown():
                return facts.MessageOutcomeUnknown(
                    message_id=id_, occurred_at=at, reason=event.reason
                )
            case outbound.MessageCancelled():
                return facts.MessageCancelled(message_id=id_, occurred_at=at, reason=event.reason)
            case _:
                return _simple(_FATES.get(type(event)), id_, at)

    async def _learnt(self, event: outbound.Fate, fact: facts.MessageEvent, meta: Meta) -> bool:
        """Whether the fact is stored; false when the race was lost."""
        key = event.contact_id
        message = await self._warm.get(MESSAGE, event.message_id)
        contact = await self._warm.get(CONTACT, key)
        new = learn(message.state, fact)
        if not new:
            return True
        expectations: list[Expectation] = [
            expecting(contact, key),
            expecting(message, key, *new),
        ]
        take: list[Claim] = []
        if isinstance(fact, facts.MessageAccepted):
            linked = await self._link(event, fact)
            if linked is None:
                take.append(claims.wamid(bytes.fromhex(fact.wamid_hash), event.message_id))
            else:
                expectations.extend(linked)
        command = Command(
            account=event.account_id,
            meta=meta,
            expectations=tuple(expectations),
            take=tuple(take),
            seal_for=key,
        )
        return await self._append(command, []) is None

    async def _link(
        self, event: outbound.Fate, fact: facts.MessageAccepted
    ) -> list[Expectation] | None:
        """A fact about this wamid came first, under another id: one message (protocols.md 1)."""
        wanted = ("wamid", bytes.fromhex(fact.wamid_hash))
        holder = (await self._store.holders(event.account_id, [wanted])).get(wanted)
        if holder is None:
            return None
        if holder == event.message_id.bytes:
            return []
        other = await self._warm.get(MESSAGE, UUID(bytes=holder))
        link = facts.MessageLinked(
            message_id=other.id, occurred_at=event.occurred_at, same_as=event.message_id
        )
        return [expecting(other, event.contact_id, *learn(other.state, link))]

    # --- the append

    async def _append(self, command: Command, keys: list[bytes]) -> Stale | Taken | None:
        """None when stored; else why not, with what was warm about it forgotten."""
        verdict = await self._store.append(command)
        match verdict:
            case Stored():
                self._warm.stored(command.account, command.expectations, verdict)
                return None
            case Repeated():
                return None
            case Stale(stream):
                self._warm.drop([stream])
                return verdict
            case Taken():
                self._warm.drop([one.stream.id for one in command.expectations])
                self._people.forget(command.account, keys)
                return verdict

    def _meta(self, command_id: UUID, actor: str, correlation: str) -> Meta:
        return Meta(self._now(), actor, uuid5(_NAMESPACE, str(command_id)), correlation)


@dataclass(frozen=True, slots=True)
class _Saying:
    item: inbound.InboundMessage
    sender: Sender
    found: Found
    message_id: UUID
    wamid_hash: bytes
    correlation: str


@dataclass(frozen=True, slots=True)
class _Episode:
    held: Held[Ticket]
    events: tuple[TicketEvent, ...]
    take: tuple[Claim, ...]
    protocol: str


def _sender(item: inbound.InboundMessage) -> Sender:
    who = item.sender
    return Sender(phone=who.phone, user_id=who.user_id, username=who.username, name=who.name)


def _greeting(
    saying: _Saying,
    who: Recognised,
    episode: _Episode,
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


def _fact_of_item(item: inbound.Item, message_id: UUID) -> facts.MessageEvent | None:
    match item:
        case inbound.ReactionChanged():
            return facts.ReactionChanged(
                message_id=message_id,
                occurred_at=item.occurred_at,
                by=BY_CONTACT,
                emoji=item.emoji,
            )
        case inbound.MessageEdited():
            return facts.MessageEdited(
                message_id=message_id, occurred_at=item.occurred_at, text=item.text, raw=item.raw
            )
        case inbound.MessageRevoked():
            return facts.MessageRevoked(message_id=message_id, occurred_at=item.occurred_at)
        case inbound.StatusFailed():
            errors = tuple(ProviderError(**error.model_dump()) for error in item.errors)
            return facts.MessageFailed(
                message_id=message_id,
                occurred_at=item.occurred_at,
                reason="undeliverable",
                errors=errors,
            )
        case inbound.Status():
            return _simple(_STATUSES.get(type(item)), message_id, item.occurred_at)
        case _:
            return None


def _simple(
    kind: type[facts.MessageFact] | None, message_id: UUID, at: datetime
) -> facts.MessageEvent | None:
    """A fact that says no more than its name."""
    if kind is None:
        return None
    fact = kind(message_id=message_id, occurred_at=at)
    simple = (facts.MessageSent, facts.MessageDelivered, facts.MessageRead, facts.MessagePlayed)
    return fact if isinstance(fact, simple) else None
