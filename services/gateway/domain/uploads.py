"""May this file be sent? By Meta's limits, before it goes anywhere."""

from typing import Final

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
