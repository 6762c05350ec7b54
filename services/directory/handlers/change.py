"""How is an entity changed? Stored and put on the outbox in one transaction (D4)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.directory.domain.seed import Entity, Seed, Seeded, to_entities
from services.directory.handlers.ports import Connection, Entities, Passwords, Vault
from shared.contracts.directory import AccountChanged
from shared.contracts.envelope import Envelope
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing.kafka import Outgoing
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool

_SOURCE: Final = "directory"
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('directory.seed', 0))"


class Changes:
    """Changes what is set up, and says so on directory.events."""

    def __init__(
        self, pool: Pool, outbox: Outbox, vault: Vault, store: Entities, passwords: Passwords
    ) -> None:
        self._pool = pool
        self._store = store
        self._passwords = passwords
        self._outbox = outbox
        self._vault = vault

    async def apply(self, seed: Seed, at: datetime) -> int:
        """Make what is set up equal to the seed; how many entities changed. Twice changes none."""
        changed = 0
        for account in seed.accounts:
            seeded = to_entities(account)
            async with self._pool.connection() as conn:
                await conn.execute(_LOCK)
                changed += await self._put(conn, seeded.entities, seeded.account_id, at)
                await self._keep_secrets(conn, seeded)
        self._outbox.wake.set()
        return changed

    async def _put(
        self, conn: Connection, entities: Sequence[Entity], account_id: UUID, at: datetime
    ) -> int:
        changed = 0
        for entity in entities:
            if await self._store.unchanged(conn, entity.id, entity.body().decode()):
                continue
            await self._store.put_entity(conn, entity.id, account_id, entity, at)
            await self._outbox.put(conn, [_to_outgoing(entity, account_id, at)])
            changed += 1
        return changed

    async def _keep_secrets(self, conn: Connection, seeded: Seeded) -> None:
        for kind in ("pepper", "wrapping_key"):
            await self._vault.made(conn, kind, str(seeded.account_id))
        for connection_id, token in seeded.tokens:
            await self._vault.put(conn, "access_token", str(connection_id), token.encode())
        for id_, app in seeded.apps:
            await self._store.put_app(conn, id_, seeded.account_id, app.waba_ids)
            secrets = "\n".join(app.app_secrets)
            await self._vault.put(conn, "app_secrets", id_, secrets.encode())
            await self._vault.put(conn, "verify_token", id_, app.verify_token.encode())
        for agent_id, person in seeded.logins:
            known = await self._store.login(conn, person.login)
            if known is None or not await self._passwords.matches(person.password, known[1]):
                hash_ = await self._passwords.hashed(person.password)
                await self._store.put_login(conn, person.login, seeded.account_id, agent_id, hash_)


def _to_outgoing(entity: Entity, account_id: UUID, at: datetime) -> Outgoing:
    account = entity.id if isinstance(entity, AccountChanged) else account_id
    envelope = Envelope(
        id=f"{entity.id}-{int(at.timestamp() * 1_000_000)}",
        type=entity.TYPE,
        source=_SOURCE,
        time=at,
        subject=str(entity.id),
        account=account,
    )
    return Outgoing(DIRECTORY_EVENTS.name, str(entity.id).encode(), envelope, entity.body())
