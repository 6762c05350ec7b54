"""When outbound reports what became of our message: a fact of its stream, each once."""

from uuid import UUID, uuid5

from services.tickets.domain.message import events as facts
from services.tickets.domain.message.decide import learn
from services.tickets.handlers import claims
from services.tickets.handlers.facts import fact_of_fate
from services.tickets.handlers.machine import Machine
from services.tickets.handlers.store import Claim, Command, Expectation, Meta
from services.tickets.handlers.warm import CONTACT, MESSAGE, expecting
from shared.contracts import outbound


class WhenOutbound:
    """Fates in any order, more than once (domain.md 2.5)."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def when_fate(self, event: outbound.Fate, correlation: str) -> None:
        """Store the fact, now or before."""
        fact = fact_of_fate(event, self._wamid_hash(event))
        if fact is None:
            return
        meta = self._machine.meta(uuid5(event.message_id, event.TYPE), "outbound", correlation)
        async with self._machine.warm.alone(event.contact_id):
            while not await self._learnt(event, fact, meta):
                pass

    def _wamid_hash(self, event: outbound.Fate) -> str:
        if not isinstance(event, outbound.MessageAccepted):
            return ""
        hash_ = claims.wamid_hash(
            self._machine.hasher, event.account_id, event.connection_id, event.wamid
        )
        return hash_.hex()

    async def _learnt(self, event: outbound.Fate, fact: facts.MessageEvent, meta: Meta) -> bool:
        """Whether the fact is stored; false when the race was lost."""
        key = event.contact_id
        message = await self._machine.warm.get(MESSAGE, event.message_id)
        contact = await self._machine.warm.get(CONTACT, key)
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
        return await self._machine.append(command, []) is None

    async def _link(
        self, event: outbound.Fate, fact: facts.MessageAccepted
    ) -> list[Expectation] | None:
        """A fact about this wamid came first, under another id: one message (protocols.md 1)."""
        wanted = ("wamid", bytes.fromhex(fact.wamid_hash))
        holder = (await self._machine.store.holders(event.account_id, [wanted])).get(wanted)
        if holder is None:
            return None
        if holder == event.message_id.bytes:
            return []
        other = await self._machine.warm.get(MESSAGE, UUID(bytes=holder))
        link = facts.MessageLinked(
            message_id=other.id, occurred_at=event.occurred_at, same_as=event.message_id
        )
        return [expecting(other, event.contact_id, *learn(other.state, link))]
