"""Apply a seed: what it declares is stored whole; what it leaves out becomes inactive.

What people changed over the API stays, as long as the seed goes on declaring the same of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from services.directory.domain.seed import Declared, DeclaredLogin, SeedError
from services.directory.handlers import passwords
from services.directory.handlers.entities import NameTakenError, check_name, store
from services.directory.storage import apps, entities, logins
from services.directory.storage.connection import Connection
from services.directory.storage.entities import Stored
from services.directory.storage.logins import Login
from services.directory.storage.vault import Vault
from shared.contracts.directory import AccountChanged, AgentChanged
from shared.contracts.entities import AccountEntity, Entity
from shared.plumbing import logs
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('directory.seed', 0))"
_log = logs.get(__name__)

Hashes = Mapping[str, str]
"""Password hashes by login."""
Change = tuple[Entity | None, Entity]


class SeedHandler:
    """Makes what is set up equal to a seed."""

    def __init__(self, pool: Pool, outbox: Outbox, vault: Vault) -> None:
        self._pool = pool
        self._outbox = outbox
        self._vault = vault

    async def apply(self, seed: Sequence[Declared], at: datetime) -> int:
        """All accounts of the seed, or none of it; how many entities changed.

        A second time changes nothing. Raises SeedError.
        """
        hashes = await self._hashes(seed)  # slow: before anything is locked
        async with self._pool.connection() as conn:
            await conn.execute(_LOCK)
            changed = [await self._account(conn, each, hashes, at) for each in seed]
        self._outbox.wake.set()
        return sum(changed)

    async def _hashes(self, seed: Sequence[Declared]) -> Hashes:
        """One for each login, the stored one where the password is still the same."""
        found: dict[str, str] = {}
        for one in (login for account in seed for login in account.logins):
            async with self._pool.connection() as conn:
                known = await logins.login(conn, one.login)
            if (
                known is not None
                and known.agent_id == one.agent_id
                and await passwords.matches(one.password, known.password_hash)
            ):
                found[one.login] = known.password_hash
            else:
                found[one.login] = await passwords.hashed(one.password)
        return found

    async def _account(
        self, conn: Connection, declared: Declared, hashes: Hashes, at: datetime
    ) -> int:
        await entities.lock_account(conn, declared.account_id)
        stored = {
            each.entity.id: each for each in await entities.of_account(conn, declared.account_id)
        }
        changes = [*_changes(declared, stored), *_left_out(declared, stored)]
        if changes:
            account = _account_of(declared, stored)
            await store(conn, self._outbox, account, changes, at, None)
        await _keep_declared(conn, declared, stored)
        for _, after in changes:
            await _check(conn, after, declared)
        await _keep_logins(conn, declared, hashes)
        await self._keep_secrets(conn, declared)
        return len(changes)

    async def _keep_secrets(self, conn: Connection, declared: Declared) -> None:
        for kind in ("pepper", "wrapping_key"):
            await self._vault.made(conn, kind, str(declared.account_id))
        for connection_id, token in declared.tokens:
            await self._vault.put(conn, "access_token", str(connection_id), token.encode())
        if declared.apps is None:
            return
        for id_, app in declared.apps:
            await apps.put(conn, id_, declared.account_id, app.waba_ids)
            await self._vault.put(conn, "app_secrets", id_, "\n".join(app.app_secrets).encode())
            await self._vault.put(conn, "verify_token", id_, app.verify_token.encode())
        kept = [id_ for id_, _ in declared.apps]
        dropped = await apps.drop_others(conn, declared.account_id, kept)
        if dropped:
            _log.warning("apps are not in the seed any more", count=dropped)


def _changes(declared: Declared, stored: Mapping[Any, Stored]) -> list[Change]:
    found: list[Change] = []
    for entity in declared.entities:
        known = stored.get(entity.id)
        before = None if known is None else known.entity
        after = entity if known is None else _merged(known, entity)
        if after != before:
            found.append((before, after))
    return found


def _merged(known: Stored, entity: Entity) -> Entity:
    """The stored entity with those fields that the seed declares differently than before."""
    new = entity.model_dump(mode="json")
    old = known.declared or {}
    update = {name: value for name, value in new.items() if name not in old or old[name] != value}
    merged = type(entity).model_validate({**known.entity.model_dump(mode="json"), **update})
    if isinstance(merged, AccountChanged) and isinstance(known.entity, AccountChanged):
        version = {"version": known.entity.policies.version}  # not the seed's to say
        return merged.model_copy(update={"policies": merged.policies.model_copy(update=version)})
    return merged


def _left_out(declared: Declared, stored: Mapping[Any, Stored]) -> list[Change]:
    found: list[Change] = []
    for entity in _absent(declared, stored):
        if isinstance(entity, AccountEntity) and entity.active:
            _log.warning("not in the seed any more", type=entity.TYPE, target=str(entity.id))
            found.append((entity, entity.model_copy(update={"active": False})))
    return found


def _absent(declared: Declared, stored: Mapping[Any, Stored]) -> list[Entity]:
    """What the seed declared before and does not any more."""
    named = {entity.id for entity in declared.entities}
    return [
        each.entity
        for each in stored.values()
        if each.declared is not None
        and type(each.entity) in declared.collections
        and each.entity.id not in named
    ]


def _account_of(declared: Declared, stored: Mapping[Any, Stored]) -> AccountChanged:
    known = stored.get(declared.account_id)
    account = declared.entities[0] if known is None else known.entity
    if not isinstance(account, AccountChanged):
        raise TypeError(type(account))
    if known is not None:
        return account
    return account.model_copy(
        update={"policies": account.policies.model_copy(update={"version": 0})}
    )


async def _keep_declared(
    conn: Connection, declared: Declared, stored: Mapping[Any, Stored]
) -> None:
    for entity in declared.entities:
        body, known = entity.model_dump(mode="json"), stored.get(entity.id)
        if known is None or known.declared != body:
            await entities.declare(conn, entity.id, body)
    for entity in _absent(declared, stored):
        await entities.declare(conn, entity.id, None)


async def _check(conn: Connection, entity: Entity, declared: Declared) -> None:
    try:
        await check_name(conn, entity)
    except NameTakenError as error:
        other = declared.fields.get(error.id, f"{entity.kind()} {error.id}")
        field = f"{declared.fields.get(entity.id, entity.kind())}.name"
        raise SeedError(field, f"this name belongs to {other} already") from error


async def _keep_logins(conn: Connection, declared: Declared, hashes: Hashes) -> None:
    """A login belongs to one agent; another login or password ends all sessions of the agent."""
    if AgentChanged not in declared.collections:
        return
    wanted = {one.login.casefold(): one for one in declared.logins}
    for known in await logins.of_account(conn, declared.account_id):
        new = wanted.get(known.login)
        if new is None or new.agent_id != known.agent_id:
            await logins.drop_login(conn, known.login)
            await logins.end_sessions(conn, known.agent_id)
    for one in declared.logins:
        await _keep_login(conn, declared, one, hashes[one.login])


async def _keep_login(conn: Connection, declared: Declared, one: DeclaredLogin, hash_: str) -> None:
    known = await logins.login(conn, one.login)
    if known is not None and known.account_id != declared.account_id:
        holder = f"agent {known.agent_id} of account {known.account_id}"
        raise SeedError(one.field, f"this login belongs to {holder} already")
    if known is None or known.password_hash != hash_:
        await logins.put_login(conn, Login(one.login, declared.account_id, one.agent_id, hash_))
        await logins.end_sessions(conn, one.agent_id)
