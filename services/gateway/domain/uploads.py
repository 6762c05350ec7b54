"""May this file be sent? By Meta's limits, before it goes anywhere."""

from typing import Final, NoReturn
from uuid import UUID

from shared.contracts.internal_api import MediaInfo
from shared.contracts.ticket_api import UploadedFile
from shared.plumbing.problems import ProblemError

_MIB: Final = 1024 * 1024
_LIMITS: Final = {"image": (("image/jpeg", "image/png"), 5 * _MIB)}


def check_file(mime_type: str, size: int) -> str:
    """The type of content that such a file is sent as.

    Raises ProblemError: `invalid_request` for its type, `body_too_large` for its size; the field is
    `file`.
    """
    for kind, (mime_types, most) in _LIMITS.items():
        if mime_type in mime_types:
            if size > most:
                code = "body_too_large"
                raise ProblemError(code, field="file", limit=most)
            return kind
    code = "invalid_request"
    raise ProblemError(code, field="file", fields=["file"], reason="file_type")


def sendable(info: MediaInfo, ticket_id: UUID, kind: str) -> UploadedFile:
    """What tickets is told of an upload that is sent as `kind`.

    Raises ProblemError `invalid_request` for `media_id`.
    """
    if info.ticket_id != ticket_id or info.direction != "outbound":
        refuse_media("unknown")
    if info.mime_type not in _LIMITS[kind][0] or info.size is None or info.sha256 is None:
        refuse_media("file_type")
    return UploadedFile(
        mime_type=info.mime_type, size=info.size, sha256=info.sha256, filename=info.filename
    )


def refuse_media(reason: str) -> NoReturn:
    """A `media_id` cannot be sent; raises ProblemError."""
    code = "invalid_request"
    raise ProblemError(code, field="media_id", fields=["media_id"], reason=reason)
