"""When something arrived: which reaction follows? Lost races are tried again without limit."""

from datetime import timedelta

from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.machine import Machine
from services.tickets.handlers.people import People
from services.tickets.handlers.ports import Clock, Hasher, NewId
from services.tickets.handlers.protocols import Protocols
from services.tickets.handlers.store import EventStore
from services.tickets.handlers.warm import Warm
from services.tickets.handlers.when_fact import WhenFact
from services.tickets.handlers.when_identity_changed import WhenIdentityChanged
from services.tickets.handlers.when_outbound import WhenOutbound
from services.tickets.handlers.when_said import WhenSaid
from shared.contracts import inbound, outbound


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
        silence: timedelta,
    ) -> None:
        machine = Machine(store, warm, people, hasher, now)
        self._said = WhenSaid(machine, directory, protocols, new_id, silence)
        self._fact = WhenFact(machine)
        self._identity = WhenIdentityChanged(machine)
        self._outbound = WhenOutbound(machine)

    async def when_inbound(self, item: inbound.Item, correlation: str) -> None:
        """Apply one item of a webhook; what says nothing to us is passed by. Raises NobodyError."""
        match item:
            case inbound.ReactionChanged() | inbound.MessageEdited() | inbound.MessageRevoked():
                await self._fact.when_about_message(item, correlation)
            case inbound.IdentityChanged():
                await self._identity.when_identity_changed(item, correlation)
            case inbound.InboundMessage():
                await self._said.when_said(item, correlation)
            case inbound.Status(opaque_id=None):
                await self._fact.when_status(item, correlation)
            case _:
                return

    async def when_outbound(self, event: outbound.Fate, correlation: str) -> None:
        """Apply what outbound reports of one of our messages."""
        await self._outbound.when_fate(event, correlation)
