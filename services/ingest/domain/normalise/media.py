"""Messages that carry a file."""

from services.ingest.domain.normalise.origin import MessageFields
from services.ingest.domain.normalise.reading import (
    Object,
    flag,
    id_of,
    optional_id,
    optional_text,
    part_of,
)
from shared.contracts import inbound
from shared.contracts.content import Media


def _file(body: Object) -> Media:
    return Media(
        id=id_of(body, "id"),
        mime_type=optional_id(body, "mime_type"),
        sha256=optional_id(body, "sha256"),
        url=optional_id(body, "url"),
    )


def to_image(fields: MessageFields, message: Object) -> inbound.ImageReceived:
    """A picture."""
    body = part_of(message, "image")
    caption = optional_text(body, "caption")
    return inbound.ImageReceived(**fields, media=_file(body), caption=caption)


def to_video(fields: MessageFields, message: Object) -> inbound.VideoReceived:
    """A video."""
    body = part_of(message, "video")
    caption = optional_text(body, "caption")
    return inbound.VideoReceived(**fields, media=_file(body), caption=caption)


def to_audio(fields: MessageFields, message: Object) -> inbound.AudioReceived:
    """A sound, recorded or not."""
    body = part_of(message, "audio")
    return inbound.AudioReceived(**fields, media=_file(body), voice=flag(body, "voice"))


def to_document(fields: MessageFields, message: Object) -> inbound.DocumentReceived:
    """A file with its name."""
    body = part_of(message, "document")
    return inbound.DocumentReceived(
        **fields,
        media=_file(body),
        caption=optional_text(body, "caption"),
        filename=optional_text(body, "filename"),
    )


def to_sticker(fields: MessageFields, message: Object) -> inbound.StickerReceived:
    """A sticker."""
    body = part_of(message, "sticker")
    return inbound.StickerReceived(**fields, media=_file(body), animated=flag(body, "animated"))
