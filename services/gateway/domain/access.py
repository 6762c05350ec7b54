"""Who may see what: the one policy of lists, counts, details, timelines and live streams."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.contracts.inbox import Seen
from shared.contracts.internal_api import Scope

_SEE_ALL: Final = frozenset({"supervisor", "admin"})
_SEE_PHONES: Final = frozenset({"agent", "supervisor", "admin"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in, as directory knows them now."""

    id: UUID
    account_id: UUID
    name: str
    roles: tuple[str, ...]
    sector_ids: tuple[UUID, ...]


def scope_of(person: Person) -> Scope:
    """Agents see their sectors and what is theirs; supervisors and admins see all."""
    sees_all = not _SEE_ALL.isdisjoint(person.roles)
    return Scope(
        agent_id=person.id,
        sector_ids=None if sees_all else sorted(person.sector_ids),
        sees_phones=not _SEE_PHONES.isdisjoint(person.roles),
    )


def edits(person: Person) -> bool:
    """Whether they may change what is set up: administrators."""
    return "admin" in person.roles


def usable_sectors(person: Person, sector_id: UUID | None) -> list[UUID] | None:
    """For which sectors a collection is listed: None is all, also of what is limited to some."""
    mine = scope_of(person).sector_ids
    if sector_id is None:
        return mine
    return [sector_id] if mine is None or sector_id in mine else []


def sees(scope: Scope, seen: Seen | None) -> bool:
    """Whether a row that stands there is in sight; one without a sector is to everybody."""
    if seen is None:
        return False
    if scope.sector_ids is None or seen.sector_id is None:
        return True
    return seen.owner_id == scope.agent_id or seen.sector_id in scope.sector_ids
