"""Something became of a message: a reaction, an edit, a status without our id."""

from dataclasses import dataclass
from uuid import uuid5

from services.tickets.domain.message.decide import learn
from services.tickets.domain.message.state import MessageState
from services.tickets.domain.people import Sender
from services.tickets.handlers import claims
from services.tickets.handlers.contact_resolution import (
    Found,
    NobodyError,
    recognise,
    sender_of,
)
from services.tickets.handlers.execution import Changes, CommandContext
from services.tickets.handlers.inbound_source import InboundTools, ItemSource, machine_request
from services.tickets.handlers.message_facts import fact_of_item
from services.tickets.storage.state_cache import CONTACT, MESSAGE, Versioned
from shared.contracts import inbound

AboutMessage = inbound.ReactionChanged | inbound.MessageEdited | inbound.MessageRevoked


class UnknownMessageError(Exception):
    """The item names no customer, and no message that is known; `key` is that of its claim."""

    def __init__(self, key: bytes, wamid_hash: bytes) -> None:
        super().__init__()
        self.key = key
        self.wamid_hash = wamid_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContext(CommandContext):
    """The message's stream, and whether its wamid is still to be claimed."""

    message: Versioned[MessageState]
    wamid_is_free: bool


class MessageStatusSource(ItemSource):
    """Facts open nothing; they wait under the message they are about (domain.md 2.4, test 3)."""

    def __init__(
        self,
        tools: InboundTools,
        item: AboutMessage | inbound.Status,
        correlation: str,
    ) -> None:
        self._fact_item = item
        self._correlation = correlation
        self._sender = _sender(item)
        try:
            keys = tools.contacts.keys(item.account_id, self._sender, item.group_id)
        except NobodyError:
            keys = []
        super().__init__(tools, item, keys)

    async def lock_key(self) -> object:
        """The contact; where the item names nobody, that of the message it is about.

        Raises UnknownMessageError.
        """
        if self._keys:
            return await super().lock_key()
        holder = await self._tools.message_of(self._item.account_id, self._wamid_hash())
        message = holder and await self._tools.executor.cache.get(MESSAGE, holder)
        if message is None or message.key is None:
            parts = _parts(self._fact_item)
            key = self._tools.hasher.hashed(self._item.account_id, "inbound", *parts)
            raise UnknownMessageError(key, self._wamid_hash())
        self._found = Found(message.key, new=False, free=())
        return message.key

    async def load(self) -> MessageContext:
        """See `Source`."""
        item, tools = self._fact_item, self._tools
        hash_ = self._wamid_hash()
        holder = await tools.message_of(item.account_id, hash_)
        message_id = holder or uuid5(item.connection_id, hash_.hex())
        held = await tools.executor.cache.all({self.found.contact_id: CONTACT, message_id: MESSAGE})
        cause = uuid5(message_id, "".join(_parts(item)))
        return MessageContext(
            request=machine_request(item.account_id, cause, "meta", self._correlation),
            at=tools.executor.now(),
            contact=held[self.found.contact_id],
            ticket=None,
            conversation=None,
            message=held[message_id],
            wamid_is_free=holder is None,
        )

    async def decide(self, context: MessageContext) -> Changes:
        """See `Source`: the fact, unless it is stored already."""
        item, message = self._fact_item, context.message
        fact = fact_of_item(item, message.id)
        if fact is None:
            return Changes()
        events, identities = recognise(
            context.contact,
            self.found,
            self._sender,
            context.at,
            group=bool(item.group_id),
        )
        take = [
            claims.inbound(self._tools.hasher, item.account_id, message.id, *_parts(item)),
            *identities,
        ]
        if context.wamid_is_free:
            take.append(claims.wamid(self._wamid_hash(), message.id))
        new = learn(message.state, fact)
        return Changes(contact=events, messages=[(message, new)], claims=take)

    async def complete(self, context: MessageContext, changes: Changes) -> None:
        """See `Source`: nothing follows."""

    def _wamid_hash(self) -> bytes:
        item = self._fact_item
        wamid = item.wamid if isinstance(item, inbound.Status) else item.target_wamid
        return self._tools.wamid_hash(item.account_id, item.connection_id, wamid)


def _sender(item: AboutMessage | inbound.Status) -> Sender:
    if isinstance(item, inbound.Status):
        return Sender(phone=item.recipient_phone, user_id=item.recipient_user_id)
    return sender_of(item)


def _parts(item: AboutMessage | inbound.Status) -> tuple[str, ...]:
    """What makes this item one: a repeat has the same."""
    if not isinstance(item, inbound.Status):
        return (str(item.connection_id), item.wamid)
    participant = item.participant_user_id or item.participant_phone or ""
    return (str(item.connection_id), item.wamid, item.TYPE, participant)
