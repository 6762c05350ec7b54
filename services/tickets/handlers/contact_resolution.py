"""Find the contact of a sender by the claims of its identities (protocols.md 1)."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.tickets.domain.contact import decide
from services.tickets.domain.contact.events import ContactEvent
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.people import Sender
from services.tickets.handlers import claims
from services.tickets.handlers.ports import Hasher, NewId
from services.tickets.storage.contract import Claim
from services.tickets.storage.state_cache import Versioned
from services.tickets.storage.store import EventStore
from shared.contracts import inbound
from shared.contracts.phone import phone_key

_REMEMBERED: Final = 50_000


class NobodyError(Exception):
    """The item names nobody: no phone, no user id, no group."""


@dataclass(frozen=True, slots=True)
class Found:
    """The contact, and which identities are still to be claimed for it."""

    contact_id: UUID
    new: bool
    free: tuple[bytes, ...]  # keys of identities nobody holds
    conflict_with: UUID | None = None


class ContactResolver:
    """Finds contacts; remembers what it found, which claims and versions of the append check."""

    def __init__(self, store: EventStore, hasher: Hasher, new_id: NewId) -> None:
        self._store = store
        self._hasher = hasher
        self._new_id = new_id
        self._known: OrderedDict[tuple[UUID, bytes], UUID] = OrderedDict()

    def keys(self, account: UUID, sender: Sender, group_id: str | None = None) -> list[bytes]:
        """Claim keys of the identities, the strongest first; raises NobodyError."""
        if group_id and group_id.strip():
            return [self._hasher.hashed(account, "group", group_id)]
        return list(self.identities(account, sender).values())

    def identities(self, account: UUID, sender: Sender) -> dict[str, bytes]:
        """Claim keys of a person by kind, `user_id` before `phone`; raises NobodyError."""
        phone, user_id = phone_key(sender.phone or ""), sender.user_id or ""
        keys: dict[str, bytes] = {}
        if user_id.strip():
            keys["user_id"] = self._hasher.hashed(account, "user", user_id)
        if phone:
            keys["phone"] = self._hasher.hashed(account, "phone", phone)
        if not keys:
            raise NobodyError
        return keys

    async def find(self, account: UUID, keys: list[bytes]) -> Found:
        """The contact of these identities, or a new id for somebody new."""
        held = await self._holders(account, keys)
        holders = [held[key] for key in keys if key in held]
        free = tuple(key for key in keys if key not in held)
        if not holders:
            return Found(self._new_id(), new=True, free=free)
        other = next((one for one in holders if one != holders[0]), None)
        return Found(holders[0], new=False, free=free, conflict_with=other)

    def forget(self, account: UUID, keys: list[bytes]) -> None:
        """What was remembered is not true any more."""
        for key in keys:
            self._known.pop((account, key), None)

    def remember(self, account: UUID, keys: tuple[bytes, ...], contact: UUID) -> None:
        """These identities are claimed now."""
        for key in keys:
            self._known[account, key] = contact
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    async def _holders(self, account: UUID, keys: list[bytes]) -> dict[bytes, UUID]:
        known = {key: self._known[account, key] for key in keys if (account, key) in self._known}
        missing = [key for key in keys if key not in known]
        if missing:
            found = await self._store.holders(account, [("identity", key) for key in missing])
            for (_, key), value in found.items():
                known[key] = UUID(bytes=value)
                self.remember(account, (key,), known[key])
        return known


def recognise(
    held: Versioned[Contact], found: Found, sender: Sender, at: datetime, *, group: bool
) -> tuple[list[ContactEvent], list[Claim]]:
    """What the item says about the person: events of the contact, and identities to claim."""
    events = decide.recognise(held.state, found.contact_id, sender, at, group=group)
    if found.conflict_with is not None:
        events += decide.conflict(held.state, found.contact_id, found.conflict_with, "phone", at)
    return events, [claims.identity(key, found.contact_id) for key in found.free]


def sender_of(item: inbound.InboundMessage) -> Sender:
    """The customer as the item names them."""
    who = item.sender
    return Sender(phone=who.phone, user_id=who.user_id, username=who.username, name=who.name)
