"""Events of a Message stream: what became of one message, in the order in which we learnt it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from services.tickets.domain.content import ProviderError
from services.tickets.domain.people import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFact:
    """Common to what became of a message; `occurred_at` is Meta's instant."""

    message_id: UUID
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAccepted(MessageFact):
    """Meta took it and named it."""

    TOPIC: ClassVar[str] = "tickets.MessageAccepted"
    wamid_hash: str  # hex
    wamid: Annotated[str | None, "personal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(MessageFact):
    """Status `sent`."""

    TOPIC: ClassVar[str] = "tickets.MessageSent"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivered(MessageFact):
    """Status `delivered`."""

    TOPIC: ClassVar[str] = "tickets.MessageDelivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRead(MessageFact):
    """Status `read`."""

    TOPIC: ClassVar[str] = "tickets.MessageRead"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlayed(MessageFact):
    """Status `played`."""

    TOPIC: ClassVar[str] = "tickets.MessagePlayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFailed(MessageFact):
    """Refused for good."""

    TOPIC: ClassVar[str] = "tickets.MessageFailed"
    reason: str
    errors: tuple[ProviderError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOutcomeUnknown(MessageFact):
    """Nobody knows whether Meta took it."""

    TOPIC: ClassVar[str] = "tickets.MessageOutcomeUnknown"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCancelled(MessageFact):
    """Taken back before it was sent."""

    TOPIC: ClassVar[str] = "tickets.MessageCancelled"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMediaStored(MessageFact):
    """Its file is here; `sha256` in hex, `size` in bytes."""

    TOPIC: ClassVar[str] = "tickets.MessageMediaStored"
    media_id: UUID
    mime_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMediaUnavailable(MessageFact):
    """Its file cannot be had; it may still be stored later, when an operator has it tried again."""

    TOPIC: ClassVar[str] = "tickets.MessageMediaUnavailable"
    media_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(MessageFact):
    """The customer changed it; `raw` is Meta's own JSON."""

    TOPIC: ClassVar[str] = "tickets.MessageEdited"
    text: Annotated[str | None, "personal"]
    raw: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRevoked(MessageFact):
    """The customer took it back."""

    TOPIC: ClassVar[str] = "tickets.MessageRevoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged(MessageFact):
    """A reaction to it; without emoji it was taken back."""

    TOPIC: ClassVar[str] = "tickets.ReactionChanged"
    by: Author
    emoji: Annotated[str | None, "personal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLinked(MessageFact):
    """Two streams are one message: what `message_id` says belongs to `same_as` (protocols.md 1)."""

    TOPIC: ClassVar[str] = "tickets.MessageLinked"
    same_as: UUID


MessageEvent = (
    MessageAccepted
    | MessageSent
    | MessageDelivered
    | MessageRead
    | MessagePlayed
    | MessageFailed
    | MessageOutcomeUnknown
    | MessageCancelled
    | MessageMediaStored
    | MessageMediaUnavailable
    | MessageEdited
    | MessageRevoked
    | ReactionChanged
    | MessageLinked
)
