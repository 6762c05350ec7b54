"""Table `unmatched`: items about a message that is not known, without a customer's identity.

They are kept sealed for 30 days. Once the message is known, they are applied to it.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.tickets.storage.keys import WrappingKey
from shared.plumbing import metrics
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import Sealer

_KEEP: Final = """
INSERT INTO unmatched (account, key, wamid_hash, type, correlation, sealed)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (account, key) DO NOTHING
"""
_MATCHED: Final = """
SELECT unmatched.account, unmatched.key, type, correlation, sealed FROM unmatched
JOIN claim ON (claim.account, claim.kind, claim.key) = (unmatched.account, 'wamid', wamid_hash)
ORDER BY kept_at LIMIT 100
"""
_DONE: Final = "DELETE FROM unmatched WHERE (account, key) = (%s, %s)"
_FORGET: Final = "DELETE FROM unmatched WHERE kept_at < clock_timestamp() - interval '30 days'"

_kept = metrics.counter(
    "unmatched_items", "Items kept: they name no customer, and no known message", ["type"]
)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """One kept item; a repeat has the same key."""

    account: UUID
    key: bytes
    type: str
    correlation: str
    body: bytes


class UnmatchedTable:
    """Bodies are sealed with the account's wrapping key: whose they are is not known."""

    def __init__(self, pool: Pool, wrapping_key: WrappingKey) -> None:
        self._pool = pool
        self._wrapping_key = wrapping_key

    async def keep(self, item: Unmatched, wamid_hash: bytes) -> None:
        """Keep it, once however often it comes."""
        sealed = (await self._sealer(item.account)).seal(item.body, _aad(item.key))
        row = (item.account, item.key, wamid_hash, item.type, item.correlation, sealed)
        async with self._pool.connection() as conn:
            if (await conn.execute(_KEEP, row)).rowcount:
                _kept.labels(type=item.type).inc()

    async def matched(self) -> list[Unmatched]:
        """Some items whose message is known by now."""
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(_MATCHED)).fetchall()
        found: list[Unmatched] = []
        for account, key, type_, correlation, sealed in rows:
            body = (await self._sealer(account)).open(sealed, _aad(key))
            found.append(Unmatched(account, key, type_, correlation, body))
        return found

    async def done(self, item: Unmatched) -> None:
        """It was applied."""
        async with self._pool.connection() as conn:
            await conn.execute(_DONE, (item.account, item.key))

    async def forget_old(self) -> None:
        """Forget what is older than 30 days."""
        async with self._pool.connection() as conn:
            await conn.execute(_FORGET)

    async def _sealer(self, account: UUID) -> Sealer:
        return Sealer(await self._wrapping_key(account))


def _aad(key: bytes) -> bytes:
    return b"unmatched\x1f" + key
