"""Events of the store's own tests: one plain, one with personal fields, one that has grown."""

from dataclasses import dataclass
from typing import Annotated, ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    TOPIC: ClassVar[str] = "test.Opened"
    by: str
    number: int = 0
    ticket: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    text: str
    caption: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    TOPIC: ClassVar[str] = "test.Said"
    number: int = 0
    text: Annotated[str | None, "personal"]
    body: Annotated[Body | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorSetBefore:
    TOPIC: ClassVar[str] = "test.SectorSet"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorSet:
    TOPIC: ClassVar[str] = "test.SectorSet"
    VERSION: ClassVar[int] = 2
    sector: str
    reason: str


EVENTS = {kind.TOPIC: kind for kind in (Opened, Said, SectorSet)}
