"""Parse a Range header (RFC 9110, 14)."""

import re
from typing import Final

_BYTES: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class UnsatisfiableError(ValueError):
    """The range lies outside the file (HTTP 416)."""


def part_of(header: str | None, size: int) -> tuple[int, int] | None:
    """The first byte and the one after the last; None: the whole file.

    A header that is not one range of bytes is as if it were not there. Raises UnsatisfiableError.
    """
    found = _BYTES.fullmatch((header or "").replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= stop:
        raise UnsatisfiableError(header)
    return start, stop
