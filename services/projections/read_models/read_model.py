"""Protocol of a read model: its tables, and how a batch is loaded, folded, saved and told."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Generic, LiteralString, Self, TypeAlias, TypeVar
from uuid import UUID

from psycopg import AsyncConnection

from services.projections.domain.events import Event
from services.projections.read_models.folding import Fold
from shared.contracts.envelope import Message

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
S = TypeVar("S")
C = TypeVar("C", bound="RowCache")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a read model. Each has a column `account_id`: readers see one account (D9)."""

    name: LiteralString
    key: LiteralString  # SQL: names a row, as text; for comparing two models
    compared: LiteralString = "true"  # SQL: which rows count when two models are compared


@dataclass(slots=True)
class RowCache:
    """Base of the rows that a batch touches: a dataclass of dicts by id."""

    def copy(self) -> Self:
        """The same rows; what is replaced in the copy stays here."""
        return replace(self, **{each.name: dict(getattr(self, each.name)) for each in fields(self)})


class States:
    """The rows of every read model that a batch touches."""

    def __init__(self, rows: Mapping[type[RowCache], RowCache] = MappingProxyType({})) -> None:
        self._rows = dict(rows)

    def of(self, kind: type[C]) -> C:
        """The rows of one read model."""
        found: Any = self._rows[kind]
        return found

    def put(self, rows: RowCache) -> None:
        """Set the rows of one read model."""
        self._rows[type(rows)] = rows

    def copy(self) -> "States":
        """The same rows; what is replaced in the copy stays here."""
        return States({kind: rows.copy() for kind, rows in self._rows.items()})


@dataclass(frozen=True, slots=True)
class Batch:
    """What was folded: the rows before and after, and the new events in the order of the log."""

    before: States
    after: States
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that screens hear; `position` is that of the newest event it is made of."""

    message: Message
    account_id: UUID
    subject: UUID
    position: str


Read: TypeAlias = Callable[[States], Awaitable[C]]
Load: TypeAlias = Callable[[Connection, Sequence[Event]], Awaitable[Read[C]]]
Save: TypeAlias = Callable[[Connection, C, C], Awaitable[None]]
Changes: TypeAlias = Callable[[Connection, Batch], Awaitable[Sequence[Change]]]


async def no_changes(_conn: Connection, _batch: Batch) -> Sequence[Change]:
    """For a read model that no screen follows live."""
    return []


@dataclass(frozen=True, slots=True, eq=False)
class ReadModel(Generic[C]):
    """One read model.

    `load` sends its queries and returns a function that reads the answers, so that the queries of
    all read models share one round trip; that function sees the rows of the models before it in
    the list. `fold` may read the rows of those models, and changes only its own. `save` stores
    what differs between the rows before and after. `indexes` are what only readers need: a rebuild
    creates them at its end.
    """

    name: str
    rows: type[C]
    tables: tuple[Table, ...]
    create: LiteralString
    indexes: LiteralString
    fold: Fold[States]
    load: Load[C]
    save: Save[C]
    changes: Changes = no_changes


def replaced(before: Mapping[UUID, S], after: Mapping[UUID, S]) -> list[S]:
    """The values that folding replaced or added."""
    return [value for id_, value in after.items() if before.get(id_) is not value]


def columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]
