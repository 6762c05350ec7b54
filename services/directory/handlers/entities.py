"""Change an entity: state, version, history and message in one transaction (D4)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from services.directory.storage import entities, history, logins
from services.directory.storage.connection import Connection
from services.directory.storage.entities import Stored
from shared.contracts.directory import AccountChanged, AgentChanged
from shared.contracts.entities import AccountEntity, Entity, references
from shared.contracts.entity_api import (
    EntityHistory,
    EntityPage,
    EntityQuery,
    EntityRecord,
    HistoryQuery,
)
from shared.contracts.envelope import Envelope
from shared.contracts.text_folding import folded
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing.kafka import Outgoing
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool

_SOURCE: Final = "directory"


class EntityNotFoundError(Exception):
    """The account has no such entity."""

    code = "not_found"


class EntityVersionError(Exception):
    """Somebody else changed the entity meanwhile; it has `version` now."""

    code = "version_mismatch"

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class KeyReusedError(Exception):
    """The same Idempotency-Key created something else before."""

    code = "idempotency_key_reused"


class NameTakenError(Exception):
    """Another active entity of the collection, `id`, has this name."""

    code = "name_taken"

    def __init__(self, id_: UUID) -> None:
        super().__init__(id_)
        self.id = id_


class UnknownReferenceError(Exception):
    """A field names an entity that the account does not have."""

    code = "invalid_request"

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class EntityHandler:
    """What people ask of the entities of their account."""

    def __init__(self, pool: Pool, outbox: Outbox, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._outbox = outbox
        self._now = now

    async def page(self, kind: type[Entity], account_id: UUID, query: EntityQuery) -> EntityPage:
        """A page of a collection."""
        async with self._pool.connection() as conn:
            found = await entities.page(conn, kind, account_id, query)
        shown, after = found[: query.limit], None
        if len(found) > query.limit:
            last = shown[-1].entity
            after = (folded(last.name), last.id)
        return EntityPage(items=[_record(each) for each in shown], next_after=after)

    async def history(
        self, kind: type[Entity], account_id: UUID, id_: UUID, query: HistoryQuery
    ) -> EntityHistory:
        """A page of an entity's changes; raises EntityNotFoundError."""
        async with self._pool.connection() as conn:
            if await entities.get(conn, kind, account_id, id_) is None:
                raise EntityNotFoundError
            found = await history.page(conn, id_, query)
        shown = list(found[: query.limit])
        before = shown[-1].version if len(found) > query.limit else None
        return EntityHistory(items=shown, next_before=before)

    async def create(
        self, kind: type[Entity], account_id: UUID, id_: UUID, form: BaseModel, actor_id: UUID
    ) -> EntityRecord:
        """A new entity; the same id with the same form again changes nothing.

        Raises KeyReusedError, NameTakenError, UnknownReferenceError.
        """
        ids = {"id": id_, "account_id": account_id}
        new = kind.model_validate({**form.model_dump(), **ids})
        async with self._pool.connection() as conn:
            account = await _locked(conn, account_id)
            before = await entities.get(conn, kind, account_id, id_)
            if before is None:
                return await self._changed(conn, account, None, new, actor_id)
            created = await history.creation(conn, id_)
        if created is None or kind.model_validate(created.after) != new:
            raise KeyReusedError
        return _record(before)

    async def replace(
        self,
        kind: type[Entity],
        account_id: UUID,
        id_: UUID,
        form: BaseModel,
        actor_id: UUID,
        expected: int | None,
    ) -> EntityRecord:
        """The entity as the form says; raises what `create` does, and EntityVersionError."""
        return await self._update(kind, account_id, id_, form.model_dump(), actor_id, expected)

    async def set_active(
        self,
        kind: type[Entity],
        account_id: UUID,
        id_: UUID,
        *,
        active: bool,
        actor_id: UUID,
        expected: int | None,
    ) -> EntityRecord:
        """Take the entity out of use or back into it; raises what `replace` does."""
        return await self._update(kind, account_id, id_, {"active": active}, actor_id, expected)

    async def _update(
        self,
        kind: type[Entity],
        account_id: UUID,
        id_: UUID,
        update: dict[str, Any],
        actor_id: UUID,
        expected: int | None,
    ) -> EntityRecord:
        async with self._pool.connection() as conn:
            account = await _locked(conn, account_id)
            before = await entities.get(conn, kind, account_id, id_)
            if before is None:
                raise EntityNotFoundError
            after = kind.model_validate({**before.entity.model_dump(), **update})
            if after == before.entity:  # also when an answer was lost and this is its repetition
                return _record(before)
            if expected not in {None, before.version}:
                raise EntityVersionError(before.version)
            return await self._changed(conn, account, before.entity, after, actor_id)

    async def _changed(
        self,
        conn: Connection,
        account: AccountChanged,
        before: Entity | None,
        after: Entity,
        actor_id: UUID,
    ) -> EntityRecord:
        await check_references(conn, after)
        await check_name(conn, after)
        at = self._now()
        version = await store(conn, self._outbox, account, [(before, after)], at, actor_id)
        await conn.commit()
        self._outbox.wake.set()
        return _record(Stored(after, version, at, None))


async def check_name(conn: Connection, entity: Entity) -> None:
    """Raises NameTakenError where names are unique."""
    active = not isinstance(entity, AccountEntity) or entity.active
    if type(entity).UNIQUE_NAMES and active:
        holder = await entities.same_name(conn, entity)
        if holder is not None:
            raise NameTakenError(holder)


async def check_references(conn: Connection, entity: Entity) -> None:
    """Raises UnknownReferenceError for an id that is no entity of the account."""
    stored = await entities.of_account(conn, entity.account)
    kinds = {each.entity.id: each.entity.kind() for each in stored}
    for name, mark in references(type(entity)):
        value: UUID | list[UUID] | None = getattr(entity, name)
        ids = value if isinstance(value, list) else [value] if value else []
        if mark.defined and any(id_ not in kinds or kinds[id_] != mark.kind for id_ in ids):
            raise UnknownReferenceError(name)


async def store(
    conn: Connection,
    outbox: Outbox,
    account: AccountChanged,
    changes: Sequence[tuple[Entity | None, Entity]],
    at: datetime,
    actor_id: UUID | None,
) -> int:
    """Store and publish changes of one account, whose lock the caller holds; the new version.

    The account's policies carry the version of the last change of anything in the account, so the
    account is published with every change. `account` is as stored, or new and still of version 0.
    """
    version = account.policies.version + 1
    changed = {after.id: (before, after) for before, after in changes}
    if account.id not in changed:
        changed[account.id] = (account, account)
    for before, wanted in changed.values():
        after = _with_version(wanted, version)
        await entities.put(conn, after, version, at)
        if wanted is not account:
            await history.add(conn, before, after, version, at, actor_id)
        await outbox.put(conn, [_to_outgoing(after, version, at, actor_id)])
        if isinstance(after, AgentChanged) and not after.active:
            await logins.end_sessions(conn, after.id)
    return version


def _with_version(entity: Entity, version: int) -> Entity:
    if not isinstance(entity, AccountChanged):
        return entity
    policies = entity.policies.model_copy(update={"version": version})
    return entity.model_copy(update={"policies": policies})


async def _locked(conn: Connection, account_id: UUID) -> AccountChanged:
    found = await entities.lock_account(conn, account_id)
    if found is None or not isinstance(found.entity, AccountChanged):
        raise EntityNotFoundError
    return found.entity


def _record(stored: Stored) -> EntityRecord:
    entity = stored.entity.model_dump(mode="json")
    return EntityRecord(version=stored.version, changed_at=stored.changed_at, entity=entity)


def _to_outgoing(entity: Entity, version: int, at: datetime, actor_id: UUID | None) -> Outgoing:
    envelope = Envelope(
        id=f"{entity.id}-{version}",
        type=entity.TYPE,
        source=_SOURCE,
        time=at,
        subject=str(entity.id),
        account=entity.account,
        actor=None if actor_id is None else str(actor_id),
    )
    return Outgoing(DIRECTORY_EVENTS.name, str(entity.id).encode(), envelope, entity.body())
