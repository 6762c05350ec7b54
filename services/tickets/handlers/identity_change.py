"""A customer got another number or user id: the same person (Cloud API 4, `system`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from services.tickets.domain.contact.decide import conflict
from services.tickets.domain.contact.events import ContactEvent, ContactIdentified
from services.tickets.domain.people import Sender
from services.tickets.handlers import claims
from services.tickets.handlers.contact_resolution import sender_of
from services.tickets.handlers.execution import Changes, CommandContext
from services.tickets.handlers.inbound_source import InboundTools, ItemSource, machine_request
from services.tickets.storage.state_cache import CONTACT
from shared.contracts import inbound


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityContext(CommandContext):
    """Who holds the new identities, by kind."""

    holders: Mapping[str, UUID]


class IdentityChangeSource(ItemSource):
    """Claims the new identities for the contact of the old ones, where there is one."""

    def __init__(
        self, tools: InboundTools, item: inbound.IdentityChanged, correlation: str
    ) -> None:
        self._change = item
        self._correlation = correlation
        before = sender_of(item)
        if item.previous_user_id is not None:
            before = Sender(phone=before.phone, user_id=item.previous_user_id)
        after = Sender(phone=item.new_phone, user_id=item.new_user_id)
        self._new = tools.contacts.identities(item.account_id, after)
        super().__init__(tools, item, tools.contacts.keys(item.account_id, before))

    async def load(self) -> IdentityContext:
        """See `Source`."""
        item, executor = self._change, self._tools.executor
        contact_id = self.found.contact_id
        wanted = [("identity", key) for key in self._new.values()]
        found = await executor.store.holders(item.account_id, wanted)
        holders = {key: UUID(bytes=value) for (_, key), value in found.items()}
        cause = uuid5(contact_id, item.wamid)
        return IdentityContext(
            request=machine_request(item.account_id, cause, "meta", self._correlation),
            at=executor.now(),
            contact=await executor.cache.get(CONTACT, contact_id),
            ticket=None,
            conversation=None,
            holders={kind: holders[key] for kind, key in self._new.items() if key in holders},
        )

    async def decide(self, context: IdentityContext) -> Changes:
        """See `Source`: nothing for somebody who never wrote to us."""
        if self.found.new:
            return Changes()
        item, contact_id = self._change, self.found.contact_id
        parts = (str(item.connection_id), item.wamid)
        free = {kind: key for kind, key in self._new.items() if kind not in context.holders}
        take = [
            claims.inbound(self._tools.hasher, item.account_id, contact_id, *parts),
            *(claims.identity(key, contact_id) for key in free.values()),
        ]
        identified = ContactIdentified(
            contact_id=contact_id,
            occurred_at=item.occurred_at,
            phone=item.new_phone if "phone" in free else None,
            user_id=item.new_user_id if "user_id" in free else None,
        )
        return Changes(
            contact=[*([identified] if free else ()), *self._conflicts(context)], claims=take
        )

    def _conflicts(self, context: IdentityContext) -> list[ContactEvent]:
        """The number or user id is somebody else's: a person must decide (protocols.md 1)."""
        contact, at = context.contact, self._change.occurred_at
        others = {who: kind for kind, who in context.holders.items() if who != contact.id}
        return [
            event
            for who, kind in others.items()
            for event in conflict(contact.state, contact.id, who, kind, at)
        ]

    async def complete(self, context: IdentityContext, changes: Changes) -> None:
        """See `Source`: nothing follows."""
