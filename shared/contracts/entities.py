"""What an administrator sets up: the base of every entity, and how people write its fields."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field

from shared.contracts.envelope import Message

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
"""As people write it: 1 to 200 characters, not blanks alone."""


@dataclass(frozen=True, slots=True)
class Refers:
    """Marks a field that holds ids; a seed names the same entities by key.

    `defined` is false where the seed does not define them: flows belong to the bot.
    """

    kind: str
    defined: bool = True


@dataclass(frozen=True, slots=True)
class Managed:
    """Marks a field that directory sets by itself: nobody writes it."""


@dataclass(frozen=True, slots=True)
class Written:
    """Marks a field that people must write more strictly than consumers read it."""

    form: Any
    example: object = None


class Entity(Message):
    """The newest state of an entity; consumers replace what they had of it.

    `COLLECTION` names all entities of the class in the seed, in paths and in queries. `EDITABLE`
    ones can be changed over the API; with `UNIQUE_NAMES` no two active ones of an account share a
    name.
    """

    COLLECTION: ClassVar[str]
    EDITABLE: ClassVar[bool] = False
    UNIQUE_NAMES: ClassVar[bool] = False

    id: UUID
    name: Annotated[str, Written(Name)]

    @property
    def account(self) -> UUID:
        """The account that it belongs to."""
        return self.id

    @classmethod
    def kind(cls) -> str:
        """`CloseReasonChanged` is of kind `close_reason`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.removesuffix("Changed")).lower()


class AccountEntity(Entity):
    """An entity inside an account; one that is not active keeps its name for old tickets."""

    account_id: UUID
    active: bool = True

    @property
    def account(self) -> UUID:
        """The account that it belongs to."""
        return self.account_id


class SectorLimited(AccountEntity):
    """An entity that may be limited to sectors; without any it is for all of them."""

    sector_ids: Annotated[list[UUID], Refers("sector"), Written(list[UUID], example=[])] = []

    def is_for(self, sector_id: UUID | None) -> bool:
        """Whether a ticket of this sector may use it."""
        return not self.sector_ids or sector_id in self.sector_ids


def references(kind: type[Entity]) -> list[tuple[str, Refers]]:
    """The fields that hold ids of other entities; those of many end in `_ids`."""
    return [
        (name, mark)
        for name, field in kind.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Refers)
    ]
