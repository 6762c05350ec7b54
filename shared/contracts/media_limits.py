"""File types and sizes that Meta takes (Cloud API 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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
