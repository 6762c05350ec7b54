"""What is said in a message."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Media:
    """A file: a customer's under Meta's `id`, or one that we keep under `media_id`."""

    id: str = ""
    mime_type: str | None = None
    sha256: str | None = None
    url: str | None = None
    media_id: UUID | None = None
    size: int | None = None  # bytes
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """`text` is what a person reads: text, caption, title of a button; `details` is the rest.

    Its types and their fields are the contract's (`shared/contracts/content.py`); no rule asks.
    """

    type: str
    text: str | None = None
    media: Media | None = None
    details: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Referral:
    """The ad or post through which the customer came (Cloud API 4)."""

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


@dataclass(frozen=True, slots=True)
class ProviderError:
    """An error as Meta reports it (Cloud API 13.1)."""

    code: int
    title: str | None = None
    message: str | None = None
    details: str | None = None
