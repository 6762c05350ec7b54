"""When something became of a message: a reaction, an edit, a status without our id."""

from uuid import UUID, uuid5

from services.tickets.domain.message.decide import learn
from services.tickets.domain.people import Sender
from services.tickets.handlers import claims
from services.tickets.handlers.facts import fact_of_item
from services.tickets.handlers.machine import Machine, sender_of
from services.tickets.handlers.people import recognise
from services.tickets.handlers.store import Command, Taken
from services.tickets.handlers.warm import MESSAGE, expecting
from shared.contracts import inbound


class WhenFact:
    """Facts open nothing; they wait under the message they are about (domain.md 2.4, test 3)."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def when_about_message(
        self,
        item: inbound.ReactionChanged | inbound.MessageEdited | inbound.MessageRevoked,
        correlation: str,
    ) -> None:
        """The customer reacted to, changed or took back a message. Raises NobodyError."""
        await self._when_fact(
            item,
            item.target_wamid,
            sender_of(item),
            item.group_id,
            (str(item.connection_id), item.wamid),
            correlation,
        )

    async def when_status(self, item: inbound.Status, correlation: str) -> None:
        """A status of a message that does not carry our id. Raises NobodyError."""
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
        keys = self._machine.people.keys(account, sender, group_id)
        hash_ = claims.wamid_hash(self._machine.hasher, account, item.connection_id, wamid)
        while True:
            found = await self._machine.people.find(account, keys)
            async with self._machine.warm.alone(keys[0] if found.new else found.contact_id):
                who = await recognise(
                    self._machine.warm,
                    found,
                    sender,
                    self._machine.now(),
                    group=group_id is not None,
                )
                held = await self._machine.store.holders(account, [("wamid", hash_)])
                holder = held.get(("wamid", hash_))
                derived = uuid5(item.connection_id, hash_.hex())
                message_id = derived if holder is None else UUID(bytes=holder)
                fact = fact_of_item(item, message_id)
                if fact is None:
                    return
                message = await self._machine.warm.get(MESSAGE, message_id)
                take = [
                    claims.inbound(self._machine.hasher, account, message_id, *parts),
                    *who.take,
                ]
                if holder is None:
                    take.append(claims.wamid(hash_, message_id))
                key = found.contact_id
                command = Command(
                    account=account,
                    meta=self._machine.meta(uuid5(message_id, "".join(parts)), "meta", correlation),
                    expectations=(
                        expecting(who.held, key, *who.events),
                        expecting(message, key, *learn(message.state, fact)),
                    ),
                    take=tuple(take),
                    seal_for=key,
                )
                verdict = await self._machine.append(command, keys)
            if verdict is None:
                self._machine.people.remember(account, found.free, found.contact_id)
                return
            if isinstance(verdict, Taken) and verdict.claim.kind == "inbound":
                return
