"""A customer said something: the table of domain.md 2.4, in one append."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from services.tickets.domain import automatic_texts as texts
from services.tickets.domain.conversation.events import MessageReceived
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.conversation.window import closes_at
from services.tickets.domain.inbound_effects import Arrival, Effect, effect
from services.tickets.domain.people import Sender
from services.tickets.domain.ticket.state import Ticket
from services.tickets.handlers import automatic_texts, claims
from services.tickets.handlers.contact_resolution import recognise, sender_of
from services.tickets.handlers.content_mapping import referral_of, to_stored
from services.tickets.handlers.directory import Snapshot
from services.tickets.handlers.episodes import EpisodeContext, Episodes
from services.tickets.handlers.execution import Changes
from services.tickets.handlers.inbound_source import InboundTools, ItemSource, machine_request
from services.tickets.handlers.policies import policies_of
from services.tickets.storage.contract import Stale, Taken
from services.tickets.storage.state_cache import CONTACT, CONVERSATION, TICKET, Versioned
from shared.contracts import inbound

GREETING: Final = "greeting"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContext(EpisodeContext):
    """What the message does, and the message that it replies to."""

    effect: Effect
    reply_to: UUID | None


class ReceiveMessageSource(ItemSource):
    """Opens, appends or reopens; what lost races told is known to the next attempt."""

    def __init__(
        self,
        tools: InboundTools,
        episodes: Episodes,
        directory: Snapshot,
        item: inbound.Received,
        correlation: str,
    ) -> None:
        self._episodes = episodes
        self._directory = directory
        self._message = item
        self._correlation = correlation
        self._sender: Sender = sender_of(item)
        self._hash = tools.wamid_hash(item.account_id, item.connection_id, item.wamid)
        self._message_id = uuid5(item.connection_id, self._hash.hex())
        self._ours: set[tuple[str, bytes]] = set()  # claims that are this item's already
        self._open_ticket: UUID | None = None
        keys = tools.contacts.keys(item.account_id, self._sender, item.group_id)
        super().__init__(tools, item, keys)

    async def load(self) -> MessageContext:
        """See `Source`. Raises NotInDirectoryError."""
        item, executor = self._message, self._tools.executor
        contact_id = self.found.contact_id
        conversation_id = uuid5(contact_id, str(item.connection_id))
        held = await executor.cache.all({contact_id: CONTACT, conversation_id: CONVERSATION})
        conversation: Versioned[Conversation] = held[conversation_id]
        policies = policies_of(self._directory, item.account_id)
        newest = await self._newest_ticket(conversation.state)
        text = item.text if isinstance(item, inbound.TextReceived) else None
        arrival = Arrival(item.occurred_at, text)
        what = effect(newest and newest.state, arrival, policies)
        return MessageContext(
            request=machine_request(
                item.account_id, self._message_id, f"contact:{contact_id}", self._correlation
            ),
            at=executor.now(),
            contact=held[contact_id],
            conversation=conversation,
            ticket=await self._episodes.ticket_for(what, newest),
            directory=self._directory,
            policies=policies,
            connection=self._directory.connection(item.account_id, item.connection_id),
            previous=newest,
            group=bool(item.group_id),
            message_id=self._message_id,
            effect=what,
            reply_to=await self._reply_to(),
        )

    async def _newest_ticket(self, known: Conversation | None) -> Versioned[Ticket] | None:
        """The open ticket, wherever it is; else the last one that was spoken in."""
        return await self._episodes.newest(
            self._message.account_id,
            claims.open_ticket_key(self.found.contact_id, self._message.connection_id),
            known.last_ticket_id if known else None,
            self._open_ticket,
        )

    async def _reply_to(self) -> UUID | None:
        item = self._message
        if item.context is None or item.context.wamid is None:
            return None
        hash_ = self._tools.wamid_hash(item.account_id, item.connection_id, item.context.wamid)
        return await self._tools.message_of(item.account_id, hash_)

    async def decide(self, context: MessageContext) -> Changes:
        """See `Source`."""
        item = self._message
        changes = await self._episodes.changes(context, context.effect)
        events, identities = recognise(
            context.contact, self.found, self._sender, item.occurred_at, group=context.group
        )
        changes.contact += events
        changes.conversation.append(self._received(context))
        hasher, id_ = self._tools.hasher, self._message_id
        parts = (str(item.connection_id), item.wamid)
        changes.claims += [
            claims.inbound(hasher, item.account_id, id_, *parts),
            claims.wamid(self._hash, id_),
            *identities,
        ]
        return changes

    def _received(self, context: MessageContext) -> MessageReceived:
        item, known = self._message, context.conversation.state
        about = item.context or inbound.Reference()
        return MessageReceived(
            message_id=self._message_id,
            conversation_id=context.conversation.id,
            contact_id=context.contact.id,
            connection_id=item.connection_id,
            ticket_id=context.ticket.id,
            occurred_at=item.occurred_at,
            window_closes_at=closes_at(known and known.window_closes_at, item.occurred_at),
            wamid_hash=self._hash.hex(),
            reply_to=context.reply_to,
            reply_missing=about.wamid is not None and context.reply_to is None,
            forwarded=about.forwarded or about.frequently_forwarded,
            frequently_forwarded=about.frequently_forwarded,
            catalog_id=about.catalog_id,
            product_id=about.product_id,
            after_close=context.effect is Effect.APPEND_AFTER_CLOSE,
            content=to_stored(item),
            sender=self._sender,
            wamid=item.wamid,
            referral=referral_of(item),
            raw=item.raw,
        )

    async def complete(self, context: MessageContext, changes: Changes) -> None:
        """See `Source`: the greeting of a new episode, unless a flow's first node greets."""
        ticket = TICKET.after(context.ticket.state, changes.ticket)
        in_flow = ticket is not None and ticket.session_id is not None
        known = context.conversation.state or Conversation()
        opens = context.effect is Effect.OPEN and not in_flow
        if opens and texts.greets(known, context.policies, context.at):
            greeting, cause = context.connection.texts.greeting, self._message_id
            automatic_texts.queue(changes, context, GREETING, greeting, cause=cause)
        changes.claims = [one for one in changes.claims if (one.kind, one.key) not in self._ours]

    def lost(self, verdict: Stale | Taken) -> bool:
        """See `Source`."""
        done = super().lost(verdict)
        self._open_ticket = None
        if isinstance(verdict, Taken):
            claim = verdict.claim
            if claim.kind == claims.OPEN_TICKET:
                self._open_ticket = UUID(bytes=verdict.holder)
            elif claim.kind in {"wamid", "automatic"}:
                self._ours.add((claim.kind, claim.key))
        return done
