"""What is set up now, in memory: the consumers' table of directory.events (protocols.md 4)."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar
from uuid import UUID

from pydantic import ValidationError

from shared.contracts.directory import ENTITIES
from shared.contracts.entities import Entity
from shared.plumbing import logs, metrics
from shared.plumbing.kafka.messages import Received

_TYPES: Final = {kind.TYPE: kind for kind in ENTITIES}
_unreadable = metrics.counter("directory_unreadable", "Entities that could not be read")
_log = logs.get(__name__)

E = TypeVar("E", bound=Entity)
OnChanged = Callable[[Entity | None, Entity | None], None]


class Entities:
    """Every entity at one instant; never changes, so one decision sees one state."""

    def __init__(self, entities: Iterable[Entity] = ()) -> None:
        self._by_id = {entity.id: entity for entity in entities}

    def get(self, kind: type[E], id_: UUID) -> E | None:
        """The entity of this class and id, in any account; also one that is not active."""
        found = self._by_id.get(id_)
        return found if isinstance(found, kind) else None

    def find(self, kind: type[E], account: UUID, id_: UUID) -> E | None:
        """The account's entity of this class and id; also one that is not active."""
        found = self.get(kind, id_)
        return found if found is not None and found.account == account else None

    def all(self, kind: type[E], account: UUID | None = None) -> list[E]:
        """All entities of a class, of one account or of all."""
        return [
            entity
            for entity in self._by_id.values()
            if isinstance(entity, kind) and account in {None, entity.account}
        ]

    def name_of(self, id_: UUID) -> str | None:
        """The name of whatever has this id."""
        found = self._by_id.get(id_)
        return None if found is None else found.name


class EntityTable:
    """Holds the last message of each key; `on_changed` gets an entity before and after."""

    def __init__(self, on_changed: OnChanged | None = None) -> None:
        self._by_key: dict[bytes, Entity] = {}
        self._entities: Entities | None = Entities()
        self._on_changed = on_changed

    def on_message(self, received: Received) -> None:
        """Take one message of directory.events; an empty body removes its entity.

        A type that is not known here, and a body that cannot be read, leave the table as it is.
        """
        before = self._by_key.get(received.key)
        after = _read(received) if received.body else None
        if before == after or (received.body and after is None):
            return
        if after is None:
            del self._by_key[received.key]
        else:
            self._by_key[received.key] = after
        self._entities = None
        if self._on_changed is not None:
            self._on_changed(before, after)

    @property
    def entities(self) -> Entities:
        """What the last message left; the same object until something changes."""
        if self._entities is None:
            self._entities = Entities(self._by_key.values())
        return self._entities


def _read(received: Received) -> Entity | None:
    kind = _TYPES.get(received.envelope.type)
    if kind is None:
        return None
    try:
        return kind.read(received.body)
    except ValidationError:
        _unreadable.inc()
        _log.exception("unreadable entity", type=received.envelope.type)
        return None
