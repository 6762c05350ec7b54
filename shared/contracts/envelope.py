"""What every message on a topic carries besides its body: CloudEvents 1.0 attributes and ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

SPEC_VERSION: Final = "1.0"


class Contract(BaseModel):
    """A body that crosses a process border; readers ignore fields they do not know yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Contract):
    """A body with a type of its own on a topic."""

    TYPE: ClassVar[str]
    OMITTED: ClassVar[frozenset[str]] = frozenset()
    """Inherited fields that are not written: TYPE implies them, or they never occur."""

    def body(self) -> bytes:
        """The JSON that goes on the topic."""
        return self.model_dump_json(exclude={*self.OMITTED}).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """The message of this JSON; raises pydantic.ValidationError."""
        return cls.model_validate_json(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """CloudEvents attributes (binary mode, headers `ce_*`) and our extensions (design.md 4)."""

    id: str
    type: str
    source: str
    time: datetime
    subject: str = ""
    account: UUID | None = None
    position: str | None = None  # "<epoch>.<log id>": only what the relay or the feed gives has one
    stream: UUID | None = None
    version: int | None = None
    causation: str | None = None
    correlation: str | None = None
    actor: str | None = None

    @property
    def log_id(self) -> int | None:
        """The log id of `position`."""
        return None if self.position is None else int(self.position.partition(".")[2])


def registry_of(*types: type[Message]) -> Mapping[str, type[Message]]:
    """Types by their name on the wire; a name that stands twice is a defect."""
    found = {kind.TYPE: kind for kind in types}
    if len(found) != len(types):
        names = sorted(kind.TYPE for kind in types)
        message = f"a type name stands twice: {names}"
        raise ValueError(message)
    return found
