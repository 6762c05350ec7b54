"""When a customer got another number or user id: the same person (Cloud API 4, `system`)."""

from uuid import uuid5

from services.tickets.domain.contact.events import ContactIdentified
from services.tickets.domain.people import Sender
from services.tickets.handlers import claims
from services.tickets.handlers.machine import Machine, sender_of
from services.tickets.handlers.store import Command, Taken
from services.tickets.handlers.warm import CONTACT, expecting
from shared.contracts import inbound


class WhenIdentityChanged:
    """Claims what is new for the contact that is known."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def when_identity_changed(self, item: inbound.IdentityChanged, correlation: str) -> None:
        """Another number or user id of the same person: claimed for the same contact."""
        account = item.account_id
        before = sender_of(item)
        if item.previous_user_id is not None:
            before = Sender(phone=before.phone, user_id=item.previous_user_id)
        after = Sender(phone=item.new_phone, user_id=item.new_user_id)
        if after.phone is None and after.user_id is None:
            return
        keys = self._machine.people.keys(account, before, None)
        new_keys = self._machine.people.keys(account, after, None)
        parts = (str(item.connection_id), item.wamid)
        while True:
            found = await self._machine.people.find(account, keys)
            if found.new:
                return  # somebody who never wrote to us
            async with self._machine.warm.alone(found.contact_id):
                held = await self._machine.warm.get(CONTACT, found.contact_id)
                owners = await self._machine.store.holders(
                    account, [("identity", k) for k in new_keys]
                )
                free = [key for key in new_keys if ("identity", key) not in owners]
                changed = ContactIdentified(
                    contact_id=found.contact_id,
                    occurred_at=item.occurred_at,
                    phone=after.phone,
                    user_id=after.user_id,
                )
                command = Command(
                    account=account,
                    meta=self._machine.meta(
                        uuid5(found.contact_id, item.wamid), "meta", correlation
                    ),
                    expectations=(expecting(held, found.contact_id, *([changed] if free else [])),),
                    take=(
                        claims.inbound(self._machine.hasher, account, found.contact_id, *parts),
                        *(claims.identity(key, found.contact_id) for key in free),
                    ),
                    seal_for=found.contact_id,
                )
                verdict = await self._machine.append(command, [*keys, *new_keys])
            if verdict is None or (isinstance(verdict, Taken) and verdict.claim.kind == "inbound"):
                return
