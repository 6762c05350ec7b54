"""What ingest publishes on inbound.events: one normalised item each, its raw JSON beside it."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from pydantic import JsonValue

from shared.contracts import content
from shared.contracts.envelope import Contract, Message, registry_of


class Sender(Contract):
    """The customer as Meta names them; phone and user id may each be missing (Cloud API 7)."""

    phone: str | None = None  # digits as Meta gave them: sending uses this form
    user_id: str | None = None
    parent_user_id: str | None = None
    username: str | None = None
    name: str | None = None


class Reference(Contract):
    """What a message replies to or was forwarded from (Cloud API 4, `context`)."""

    wamid: str | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False
    catalog_id: str | None = None
    product_id: str | None = None


class Referral(Contract):
    """The ad or post through which the customer came (Cloud API 4, `referral`)."""

    source_url: str | None = None
    source_id: str | None = None
    source_type: str | None = None
    headline: str | None = None
    body: str | None = None
    media_type: str | None = None
    image_url: str | None = None
    video_url: str | None = None
    thumbnail_url: str | None = None
    ctwa_clid: str | None = None


class Item(Message):
    """Common to all: whose number it came to and where it stood in the webhook."""

    account_id: UUID
    connection_id: UUID
    phone_number_id: str
    body_sha256: str  # hex, of the raw POST body
    index: str  # "<entry>/<change>/<kind>/<n>"
    received_at: datetime
    raw: str  # the item's JSON as Meta wrote it


class InboundMessage(Item):
    """Something that a customer did in the chat."""

    wamid: str
    sender: Sender
    occurred_at: datetime
    group_id: str | None = None
    context: Reference | None = None
    referral: Referral | None = None


class Received(content.BaseContent, InboundMessage):
    """A message that says something: beside these fields it has those of its content."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"type"})


class TextReceived(content.Text, Received):
    """A text."""

    TYPE: ClassVar[str] = "inbound.TextReceived.v1"


class ImageReceived(content.Image, Received):
    """A picture."""

    TYPE: ClassVar[str] = "inbound.ImageReceived.v1"


class VideoReceived(content.Video, Received):
    """A video."""

    TYPE: ClassVar[str] = "inbound.VideoReceived.v1"


class AudioReceived(content.Audio, Received):
    """A sound."""

    TYPE: ClassVar[str] = "inbound.AudioReceived.v1"


class DocumentReceived(content.Document, Received):
    """A file."""

    TYPE: ClassVar[str] = "inbound.DocumentReceived.v1"


class StickerReceived(content.Sticker, Received):
    """A sticker."""

    TYPE: ClassVar[str] = "inbound.StickerReceived.v1"


class LocationReceived(content.Location, Received):
    """A place."""

    TYPE: ClassVar[str] = "inbound.LocationReceived.v1"


class ContactsReceived(content.Contacts, Received):
    """Cards of other people."""

    TYPE: ClassVar[str] = "inbound.ContactsReceived.v1"


class ButtonReplied(content.ButtonReply, Received):
    """A tap on one of our reply buttons."""

    TYPE: ClassVar[str] = "inbound.ButtonReplied.v1"


class ListReplied(content.ListReply, Received):
    """A row picked from one of our lists."""

    TYPE: ClassVar[str] = "inbound.ListReplied.v1"


class FormReplied(content.FormReply, Received):
    """A filled form."""

    TYPE: ClassVar[str] = "inbound.FormReplied.v1"


class CallPermissionReplied(content.CallPermissionReply, Received):
    """The customer's answer to a call permission request."""

    TYPE: ClassVar[str] = "inbound.CallPermissionReplied.v1"


class ProductShared(content.Product, Received):
    """A product that the customer shared back."""

    TYPE: ClassVar[str] = "inbound.ProductShared.v1"


class TemplateButtonPressed(content.TemplateButton, Received):
    """A tap on a template's quick-reply button."""

    TYPE: ClassVar[str] = "inbound.TemplateButtonPressed.v1"


class OrderPlaced(content.Order, Received):
    """An order from the catalogue."""

    TYPE: ClassVar[str] = "inbound.OrderPlaced.v1"


class UnreadableReceived(content.Unsupported, Received):
    """Meta's own type `unsupported`: a person did write, Meta cannot say what."""

    TYPE: ClassVar[str] = "inbound.UnreadableReceived.v1"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"type", "problem", "kept"})


class UnknownReceived(content.Unsupported, Received):
    """A message of a type that we do not know, or whose body we could not read: shown and kept."""

    TYPE: ClassVar[str] = "inbound.UnknownReceived.v1"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"type", "errors", "kept"})


class ReactionChanged(InboundMessage):
    """A reaction to one of our messages; without emoji it was taken back."""

    TYPE: ClassVar[str] = "inbound.ReactionChanged.v1"
    target_wamid: str
    emoji: str | None = None


class MessageEdited(InboundMessage):
    """The customer changed a message (coexistence numbers only)."""

    TYPE: ClassVar[str] = "inbound.MessageEdited.v1"
    target_wamid: str
    text: str | None = None
    message: dict[str, JsonValue]


class MessageRevoked(InboundMessage):
    """The customer took a message back (coexistence numbers only)."""

    TYPE: ClassVar[str] = "inbound.MessageRevoked.v1"
    target_wamid: str


class IdentityChanged(InboundMessage):
    """A `system` message: another number, another user id, or another device key."""

    TYPE: ClassVar[str] = "inbound.IdentityChanged.v1"
    change: str  # Meta's system.type
    new_phone: str | None = None
    new_user_id: str | None = None
    previous_user_id: str | None = None
    text: str | None = None


class Status(Item):
    """What became of a message that we sent (Cloud API 5)."""

    wamid: str
    occurred_at: datetime
    recipient_phone: str | None = None
    recipient_user_id: str | None = None
    group_id: str | None = None
    participant_phone: str | None = None
    participant_user_id: str | None = None
    opaque_id: str | None = None  # our message id, echoed
    pricing: dict[str, JsonValue] | None = None
    conversation: dict[str, JsonValue] | None = None


class StatusSent(Status):
    """Left Meta."""

    TYPE: ClassVar[str] = "inbound.StatusSent.v1"


class StatusDelivered(Status):
    """Arrived at the customer's device."""

    TYPE: ClassVar[str] = "inbound.StatusDelivered.v1"


class StatusRead(Status):
    """The customer has seen it."""

    TYPE: ClassVar[str] = "inbound.StatusRead.v1"


class StatusPlayed(Status):
    """The customer played the voice note."""

    TYPE: ClassVar[str] = "inbound.StatusPlayed.v1"


class StatusFailed(Status):
    """Meta gave up."""

    TYPE: ClassVar[str] = "inbound.StatusFailed.v1"
    errors: list[content.ProviderError] = []


class StatusUnknown(Status):
    """A status that we do not know: kept."""

    TYPE: ClassVar[str] = "inbound.StatusUnknown.v1"
    status: str | None = None


class Unsupported(Item):
    """Another webhook field, or something Meta invented later: kept with its raw JSON."""

    TYPE: ClassVar[str] = "inbound.Unsupported.v1"
    field: str | None = None
    problem: str | None = None


class DeadItem(Message):
    """On ingest.dead: an item that belongs to nobody, or that Kafka would not take."""

    TYPE: ClassVar[str] = "ingest.DeadItem.v1"
    reason: str  # unknown_number | foreign_number | unreadable_body
    phone_number_id: str | None = None
    body_sha256: str
    index: str
    received_at: datetime
    raw: str


SAYINGS: Final = tuple(Received.__subclasses__())
"""Messages that say something: each gives exactly one MessageReceived (domain.md 2.8, 5)."""

FACTS: Final = (ReactionChanged, MessageEdited, MessageRevoked, IdentityChanged)
"""Messages about something else: they never open or reopen a ticket (domain.md 2.4, test 3)."""

STATUSES: Final = (
    StatusSent,
    StatusDelivered,
    StatusRead,
    StatusPlayed,
    StatusFailed,
    StatusUnknown,
)

INBOUND_TYPES: Final = registry_of(*SAYINGS, *FACTS, *STATUSES, Unsupported)
DEAD_TYPES: Final = registry_of(DeadItem)
