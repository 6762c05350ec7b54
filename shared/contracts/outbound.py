"""outbound.commands (what must be sent) and outbound.events (what became of it)."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from pydantic import JsonValue

from shared.contracts.content import ProviderError, SendableContent
from shared.contracts.envelope import Contract, Message, registry_of


class Recipient(Contract):
    """Where a message goes: the form that Meta gave; `phone` wins (Cloud API 8)."""

    phone: str | None = None
    user_id: str | None = None


class SendMessage(Message):
    """Send this once. `message_id` is the opaque id that Meta echoes."""

    TYPE: ClassVar[str] = "outbound.SendMessage.v1"
    message_id: UUID
    account_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    ticket_id: UUID
    recipient: Recipient
    content: SendableContent
    reply_to_wamid: str | None = None
    automatic: str | None = None  # kind of an automatic message
    window_closes_at: datetime | None  # as known when queued; outbound may know a newer one
    after: UUID | None = None  # wait for `sent` of this message, 3 s at most (D8)
    queued_at: datetime


class SendReadReceipt(Message):
    """Tell Meta that everything up to this message was read. Repeating it is harmless."""

    TYPE: ClassVar[str] = "outbound.SendReadReceipt.v1"
    receipt_id: UUID
    account_id: UUID
    contact_id: UUID
    connection_id: UUID
    wamid: str
    read_at: datetime


class CancelSend(Message):
    """Take this message back if it has not been sent; its fate answers, whatever it is."""

    TYPE: ClassVar[str] = "outbound.CancelSend.v1"
    message_id: UUID
    account_id: UUID
    contact_id: UUID
    connection_id: UUID
    reason: str
    requested_at: datetime


class FetchMedia(Message):
    """Fetch the file of a customer's message from Meta and keep it."""

    TYPE: ClassVar[str] = "outbound.FetchMedia.v1"
    message_id: UUID
    account_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    ticket_id: UUID
    provider_id: str  # Meta's id of the file, which lives for 7 days
    mime_type: str | None = None
    sha256: str | None = None  # as Meta wrote it: base64 or hex
    requested_at: datetime


class Fate(Message):
    """Common to all that is told of a message."""

    message_id: UUID
    account_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    ticket_id: UUID
    occurred_at: datetime


class MessageAccepted(Fate):
    """Meta took it and named it."""

    TYPE: ClassVar[str] = "outbound.MessageAccepted.v1"
    wamid: str


class MessageSent(Fate):
    """Status `sent`."""

    TYPE: ClassVar[str] = "outbound.MessageSent.v1"
    pricing: dict[str, JsonValue] | None = None


class MessageDelivered(Fate):
    """Status `delivered`."""

    TYPE: ClassVar[str] = "outbound.MessageDelivered.v1"
    pricing: dict[str, JsonValue] | None = None


class MessageRead(Fate):
    """Status `read`."""

    TYPE: ClassVar[str] = "outbound.MessageRead.v1"


class MessagePlayed(Fate):
    """Status `played`."""

    TYPE: ClassVar[str] = "outbound.MessagePlayed.v1"


class MessageFailed(Fate):
    """Refused for good, by the answer or by a status; `reason` is a stable word of ours."""

    TYPE: ClassVar[str] = "outbound.MessageFailed.v1"
    reason: str  # window_closed | undeliverable | invalid | blocked | configuration | expired | …
    errors: list[ProviderError] = []


class MessageOutcomeUnknown(Fate):
    """The request was written and nobody knows what became of it: never sent again by itself."""

    TYPE: ClassVar[str] = "outbound.MessageOutcomeUnknown.v1"
    reason: str  # timeout | cut | server_error | restart | unreadable_answer


class MessageCancelled(Fate):
    """Taken back before it was sent."""

    TYPE: ClassVar[str] = "outbound.MessageCancelled.v1"
    reason: str


class MediaStored(Fate):
    """The file of a customer's message is here."""

    TYPE: ClassVar[str] = "outbound.MediaStored.v1"
    media_id: UUID
    mime_type: str
    size: int  # bytes
    sha256: str  # hex


class MediaUnavailable(Fate):
    """The file of a customer's message cannot be had; an operator may have it tried again."""

    TYPE: ClassVar[str] = "outbound.MediaUnavailable.v1"
    media_id: UUID
    reason: str  # expired | too_large | checksum_mismatch | untrusted_address | contact_erased


OUTBOUND_COMMANDS_TYPES: Final = registry_of(SendMessage, SendReadReceipt, CancelSend, FetchMedia)
OUTBOUND_EVENTS_TYPES: Final = registry_of(
    MessageAccepted,
    MessageSent,
    MessageDelivered,
    MessageRead,
    MessagePlayed,
    MessageFailed,
    MessageOutcomeUnknown,
    MessageCancelled,
    MediaStored,
    MediaUnavailable,
)
