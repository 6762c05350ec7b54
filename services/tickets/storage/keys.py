"""The keys of contacts: made before they seal, wrapped by the account's key, destroyed for ever.

protocols.md 2 (committed before the append that seals with it) and 3 (a missing key is not a
destroyed one: that leaves a marker).
"""

import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from services.tickets.storage.contract import KeyDestroyedError, UnknownKeyError
from services.tickets.storage.data_loader import DataLoader
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import Sealer

WrappingKey = Callable[[UUID], Awaitable[bytes]]
"""The 32 bytes with which the keys of an account's contacts are wrapped (directory's secret)."""

_KEY_BYTES: Final = 32
_MAKE: Final = """
INSERT INTO contact_key (contact, account, wrapped)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bytea[]) ON CONFLICT (contact) DO NOTHING
"""
_LOAD: Final = "SELECT contact, account, wrapped FROM contact_key WHERE contact = ANY(%s::uuid[])"
_DESTROY: Final = """
UPDATE contact_key SET wrapped = NULL, destroyed_at = clock_timestamp()
WHERE contact = %s AND destroyed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class _Kept:
    sealer: Sealer | None  # None: destroyed
    until: float


class ContactKeys:
    """Sealers by contact, kept in memory: the newest `capacity`, each `keep_seconds` at most.

    So long an erasure by another process may go unnoticed here.
    """

    def __init__(
        self,
        pool: Pool,
        wrapping_key: WrappingKey,
        *,
        capacity: int = 20_000,
        keep_seconds: float = 300.0,
    ) -> None:
        self._pool = pool
        self._wrapping_key = wrapping_key
        self._capacity = capacity
        self._keep_seconds = keep_seconds
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._makes: DataLoader[tuple[UUID, UUID], _Kept] = DataLoader(self._make)
        self._loads: DataLoader[UUID, _Kept] = DataLoader(self._load)

    async def to_seal(self, account: UUID, contact: UUID) -> Sealer:
        """The contact's sealer, its key committed. Raises KeyDestroyedError."""
        kept = self._hit(contact)
        if kept is None:
            kept = (await self._makes.get([(account, contact)])).get((account, contact))
        if kept is None:
            raise UnknownKeyError(str(contact))
        if kept.sealer is None:
            raise KeyDestroyedError(str(contact))
        return kept.sealer

    async def to_open(self, contacts: Iterable[UUID]) -> Mapping[UUID, Sealer | None]:
        """The sealers of these contacts, None for a destroyed key. Raises UnknownKeyError."""
        found: dict[UUID, _Kept] = {}
        missing: list[UUID] = []
        for contact in set(contacts):
            kept = self._hit(contact)
            if kept is None:
                missing.append(contact)
            else:
                found[contact] = kept
        if missing:
            found |= await self._loads.get(missing)
            for contact in missing:
                if contact not in found:
                    raise UnknownKeyError(str(contact))
        return {contact: kept.sealer for contact, kept in found.items()}

    async def destroy(self, contact: UUID) -> None:
        """Destroy the key; the marker stays. Again is the same."""
        async with self._pool.connection() as conn:
            await conn.execute(_DESTROY, (contact,))
        self._kept.pop(contact, None)

    def _hit(self, contact: UUID) -> _Kept | None:
        kept = self._kept.get(contact)
        if kept is None or kept.until < monotonic():
            return None
        self._kept.move_to_end(contact)
        return kept

    async def _make(self, wanted: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], _Kept]:
        wrapped = [await self._wrap(account, contact) for account, contact in wanted]
        accounts = [account for account, _ in wanted]
        contacts = [contact for _, contact in wanted]
        async with self._pool.connection() as conn:  # committed when it is given back
            await conn.execute(_MAKE, (contacts, accounts, wrapped))
        found = await self._load(contacts)
        return {(account, contact): found[contact] for account, contact in wanted}

    async def _load(self, contacts: Sequence[UUID]) -> Mapping[UUID, _Kept]:
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(_LOAD, (list(contacts),))).fetchall()
        return {
            contact: self._keep(contact, await self._unwrap(account, contact, wrapped))
            for contact, account, wrapped in rows
        }

    def _keep(self, contact: UUID, sealer: Sealer | None) -> _Kept:
        kept = self._kept[contact] = _Kept(sealer, monotonic() + self._keep_seconds)
        self._kept.move_to_end(contact)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return kept

    async def _wrap(self, account: UUID, contact: UUID) -> bytes:
        sealer = Sealer(await self._wrapping_key(account))
        return sealer.seal(os.urandom(_KEY_BYTES), contact.bytes)

    async def _unwrap(self, account: UUID, contact: UUID, wrapped: bytes | None) -> Sealer | None:
        if wrapped is None:
            return None
        return Sealer(Sealer(await self._wrapping_key(account)).open(wrapped, contact.bytes))
