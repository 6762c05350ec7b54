"""Check a file against Meta's limits before it is stored or sent."""

from typing import Final, NoReturn, get_args
from uuid import UUID

from shared.contracts.content import Media
from shared.contracts.internal_api import MediaInfo
from shared.contracts.media_limits import MediaRefusedError, check_media, type_for_file
from shared.contracts.ticket_api import SendMessage
from shared.plumbing.problems import ProblemError

_SENT: Final = {
    body.model_fields["type"].annotation
    for body in get_args(SendMessage.model_fields["root"].annotation)
    if "media_id" in body.model_fields
}
_TYPES: Final = {kind for literal in _SENT for kind in get_args(literal)}
"""The types of content that people send by `media_id`."""


def check_file(mime_type: str, size: int) -> str:
    """The type of content that such a file is sent as.

    Raises ProblemError: `invalid_request` for its type, `body_too_large` for its size; the field is
    `file`.
    """
    kind = type_for_file(mime_type)
    if kind is None or kind not in _TYPES:
        _refuse("file", "file_type")
    try:
        check_media(kind, mime_type, size)
    except MediaRefusedError as error:
        code = "body_too_large"
        raise ProblemError(code, field="file", limit=error.limit) from error
    return kind


def sendable(info: MediaInfo, ticket_id: UUID, kind: str) -> Media:
    """What tickets is told of an upload that is sent as `kind`.

    Raises ProblemError `invalid_request` for `media_id`.
    """
    if info.ticket_id != ticket_id or info.direction != "outbound":
        refuse_media("unknown")
    try:
        check_media(kind, info.mime_type, info.size or 0)
    except MediaRefusedError as error:
        refuse_media(error.reason)
    return Media.model_validate(
        info.model_dump(include={"media_id", "mime_type", "size", "sha256", "filename"})
    )


def refuse_media(reason: str) -> NoReturn:
    """A `media_id` cannot be sent; raises ProblemError."""
    _refuse("media_id", reason)


def _refuse(field: str, reason: str) -> NoReturn:
    code = "invalid_request"
    raise ProblemError(code, field=field, fields=[field], reason=reason)
