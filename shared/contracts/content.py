"""Everything that can be said in a message: one class per type, told apart by `type`.

A class is flat. `tickets.events`, the store and the timeline nest the same fields as
`{type, text, media, details}` (`PublishedContent`); `to_published` and `from_published` convert.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, get_args
from uuid import UUID

from pydantic import AliasChoices, Field, JsonValue, TypeAdapter, ValidationError

from shared.contracts.envelope import Contract


def _absent(value: object) -> bool:
    """Whether a field that came after the first publication is left out: it says nothing."""
    return value is None or value == []


class Media(Contract):
    """A file: a customer's under Meta's `id`, or one that we keep under `media_id`.

    Meta's id lives 7 days (30 for an upload), its URL 5 minutes.
    """

    id: str = ""  # at Meta; empty while only we have the file
    mime_type: str | None = None
    sha256: str | None = None  # base64 as Meta writes it; hex of a file that we keep
    url: str | None = None
    media_id: UUID | None = Field(default=None, exclude_if=_absent)
    size: int | None = Field(default=None, exclude_if=_absent)  # bytes
    filename: str | None = Field(default=None, exclude_if=_absent)  # as it was uploaded


class ProviderError(Contract):
    """An error as Meta reports it (Cloud API 13.1)."""

    code: int
    title: str | None = None
    message: str | None = None
    details: str | None = None


class BaseContent(Contract):
    """`TEXT` names the field that a person reads, where there is one."""

    TEXT: ClassVar[str | None] = None

    def readable(self) -> str | None:
        """What a person reads in a list: text, caption, title of a button."""
        return None if self.TEXT is None else getattr(self, self.TEXT)


class Captioned(BaseContent):
    """A file with a caption of at most 1,024 characters."""

    TEXT: ClassVar[str | None] = "caption"
    media: Media
    caption: str | None = None


class Text(BaseContent):
    """A text, at most 4,096 characters."""

    TEXT: ClassVar[str | None] = "text"
    type: Literal["text"] = "text"
    text: str


class Image(Captioned):
    """A picture."""

    type: Literal["image"] = "image"


class Video(Captioned):
    """A video."""

    type: Literal["video"] = "video"


class Audio(BaseContent):
    """A sound; `voice` marks a recorded note."""

    type: Literal["audio"] = "audio"
    media: Media
    voice: bool = False


class Document(Captioned):
    """A file; the extension of `filename` picks the icon."""

    type: Literal["document"] = "document"
    filename: str | None = None


class Sticker(BaseContent):
    """A sticker."""

    type: Literal["sticker"] = "sticker"
    media: Media
    animated: bool = False


class Location(BaseContent):
    """A place; Meta shows `address` only beside `name`."""

    type: Literal["location"] = "location"
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None

    def readable(self) -> str | None:
        """The name, else the address."""
        return self.name or self.address


class Contacts(BaseContent):
    """Cards of other people, as Meta gives them."""

    type: Literal["contacts"] = "contacts"
    contacts: list[dict[str, JsonValue]]


class ButtonReply(BaseContent):
    """A tap on one of our reply buttons."""

    TEXT: ClassVar[str | None] = "title"
    type: Literal["button_reply"] = "button_reply"
    button_id: str = Field(
        validation_alias=AliasChoices("button_id", "id"), serialization_alias="id"
    )
    title: str


class ListReply(BaseContent):
    """A row picked from one of our lists."""

    TEXT: ClassVar[str | None] = "title"
    type: Literal["list_reply"] = "list_reply"
    row_id: str = Field(validation_alias=AliasChoices("row_id", "id"), serialization_alias="id")
    title: str
    description: str | None = None


class FormReply(BaseContent):
    """A filled form (`nfm_reply`); `response` is None when Meta's string was not JSON."""

    TEXT: ClassVar[str | None] = "text"
    type: Literal["form_reply"] = "form_reply"
    name: str | None = None
    text: str | None = None
    response: dict[str, JsonValue] | None = None
    response_json: str = ""


class CallPermissionReply(BaseContent):
    """The customer's answer to a call permission request."""

    type: Literal["call_permission_reply"] = "call_permission_reply"
    response: str
    permanent: bool = False
    expires_at: datetime | None = None
    source: str | None = None


class Product(BaseContent):
    """A product that the customer shared back."""

    type: Literal["product"] = "product"
    product: dict[str, JsonValue]


class TemplateButton(BaseContent):
    """A tap on a template's quick-reply button."""

    TEXT: ClassVar[str | None] = "text"
    type: Literal["template_button"] = "template_button"
    payload: str | None = None
    text: str


class OrderedProduct(Contract):
    """A line of an order."""

    product_retailer_id: str
    quantity: float
    item_price: float | None = None
    currency: str | None = None


class Order(BaseContent):
    """An order from the catalogue."""

    TEXT: ClassVar[str | None] = "text"
    type: Literal["order"] = "order"
    catalog_id: str | None = None
    text: str | None = None
    items: list[OrderedProduct]


class Button(Contract):
    """A reply button: `id` comes back with the tap (at most 256 characters), `title` at most 20."""

    id: str
    title: str


class Buttons(BaseContent):
    """A text with 1 to 3 reply buttons; `text` at most 1,024 characters, `footer` 60."""

    TEXT: ClassVar[str | None] = "text"
    type: Literal["buttons"] = "buttons"
    text: str
    footer: str | None = None
    buttons: list[Button]


class ListRow(Contract):
    """A row of a list: `id` at most 200 characters, `title` 24, `description` 72."""

    id: str
    title: str
    description: str | None = None


class ListSection(Contract):
    """Rows under a title of at most 24 characters, which only a single section may lack."""

    title: str | None = None
    rows: list[ListRow]


class ListMenu(BaseContent):
    """A text with a button that opens at most 10 rows; `text` 1,024 characters, `button` 20."""

    TEXT: ClassVar[str | None] = "text"
    type: Literal["list"] = "list"
    text: str
    footer: str | None = None
    button: str
    sections: list[ListSection]


class Unsupported(BaseContent):
    """Something was said that we cannot read; `kept` is the content that a newer version wrote."""

    type: Literal["unsupported"] = "unsupported"
    original_type: str | None = None
    problem: str | None = Field(default=None, exclude_if=_absent)
    errors: list[ProviderError] = Field(default=[], exclude_if=_absent)
    kept: dict[str, JsonValue] | None = Field(default=None, exclude_if=_absent)


_Sendable = Text | Buttons | ListMenu | Image | Video | Audio | Document | Sticker | Location
_Received = (
    Contacts
    | ButtonReply
    | ListReply
    | FormReply
    | CallPermissionReply
    | Product
    | TemplateButton
    | Order
    | Unsupported
)

SendableContent = Annotated[_Sendable, Field(discriminator="type")]
"""What we can send; outbound has a renderer for each."""

Content = Annotated[_Sendable | _Received, Field(discriminator="type")]
"""Everything that can be said."""


def classes_of(union: Any) -> Mapping[str, type[BaseContent]]:  # noqa: ANN401  an annotation
    """The classes of one of the two unions, by `type`."""
    return {kind.model_fields["type"].default: kind for kind in get_args(get_args(union)[0])}


SENDABLE: Final = classes_of(SendableContent)
CONTENT: Final = classes_of(Content)


class PublishedContent(Contract):
    """What was said. `text` is what a person reads: text, caption, title of a button."""

    type: str  # text, image, video, audio, document, sticker, location, contacts, button_reply, …
    text: str | None = None
    media: Media | None = None
    details: dict[str, JsonValue] | None = None  # the rest of a structured type


_CONTENT: Final[TypeAdapter[Content]] = TypeAdapter(Content)


def to_published(content: BaseContent) -> PublishedContent:
    """The nested form; of a received item only its content."""
    kind = CONTENT[type(content).model_fields["type"].default]
    fields = content.model_dump(
        mode="json", by_alias=True, include=set(kind.model_fields) - {"type", kind.TEXT}
    )
    media = fields.pop("media", None)
    return PublishedContent(
        type=kind.model_fields["type"].default,
        text=content.readable(),
        media=None if media is None else Media.model_validate(media),
        details=fields or None,
    )


def from_published(published: PublishedContent) -> Content:
    """The class of a nested form; what this version cannot read is `Unsupported` and kept."""
    kind = CONTENT.get(published.type)
    fields: dict[str, Any] = {**(published.details or {}), "type": published.type}
    if published.media is not None:
        fields["media"] = published.media
    if kind is not None and kind.TEXT is not None:
        fields[kind.TEXT] = published.text
    try:
        return _CONTENT.validate_python(fields)
    except ValidationError:
        return Unsupported(
            original_type=published.type, kept=published.model_dump(mode="json", exclude_none=True)
        )


# --- files that Meta takes (Cloud API 10) --------------------------------------------------------

_MB: Final = 1024 * 1024
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."


@dataclass(frozen=True, slots=True)
class MediaLimit:
    """What Meta takes as one type of content."""

    mime_types: frozenset[str]
    most_bytes: int


MEDIA_LIMITS: Final[Mapping[str, MediaLimit]] = {
    "image": MediaLimit(frozenset({"image/jpeg", "image/png"}), 5 * _MB),
    "video": MediaLimit(frozenset({"video/mp4", "video/3gpp"}), 16 * _MB),
    "audio": MediaLimit(
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * _MB
    ),
    "document": MediaLimit(
        frozenset(
            {
                "text/plain",
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                f"{_OFFICE}wordprocessingml.document",
                f"{_OFFICE}spreadsheetml.sheet",
                f"{_OFFICE}presentationml.presentation",
            }
        ),
        100 * _MB,
    ),
    "sticker": MediaLimit(frozenset({"image/webp"}), 500 * 1024),
}
"""By `type`; no MIME type stands in two of them."""


class MediaRefusedError(ValueError):
    """Meta would not take the file; `reason` is file_type or file_too_large, `limit` in bytes."""

    field: Final = "media_id"

    def __init__(self, reason: str, limit: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.limit = limit


def type_for_file(mime_type: str) -> str | None:
    """The type of content that such a file is sent as; None: Meta takes none."""
    return next((t for t, limit in MEDIA_LIMITS.items() if mime_type in limit.mime_types), None)


def check_media(content_type: str, mime_type: str, size: int) -> None:
    """Meta takes such a file as `content_type`. Raises MediaRefusedError."""
    limit = MEDIA_LIMITS[content_type]
    if mime_type not in limit.mime_types:
        reason = "file_type"
        raise MediaRefusedError(reason)
    if size > limit.most_bytes:
        reason = "file_too_large"
        raise MediaRefusedError(reason, limit.most_bytes)
