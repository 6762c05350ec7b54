"""The file behind a customer's media id: a pure function of the id, so that nothing is stored."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deploy.simulator.chance import seeded

_SIDE: Final = 160  # pixels: an image has about 77 kB
_FILLER_BYTES: Final = 2_000
_DIGITS: Final = 14


@dataclass(frozen=True, slots=True)
class File:
    """Bytes and their type."""

    mime_type: str
    data: bytes


def media_id(kind: str, token: str) -> str:
    """An id of 15 digits; the first one says which kind of file it is."""
    number = seeded("media", token).randrange(10**_DIGITS)
    return f"{_FIRST_DIGIT[kind]}{number:0{_DIGITS}}"


def file_of(media_id: str) -> File | None:
    """The customer's file with this id; None where the id cannot be one."""
    kind = _KINDS.get(media_id[:1])
    if kind is None or len(media_id) != _DIGITS + 1 or not media_id.isdecimal():
        return None
    mime_type, data = _FILES[kind]
    return File(mime_type, data(media_id))


def png(seed: str, side: int = _SIDE) -> bytes:
    """A square of diagonal stripes in the seed's colours, not compressed."""
    colours = seeded("colours", seed).randbytes(3 * 8)
    pattern = (colours * (side // 8 + 1))[: 3 * side]
    rows = b"".join(
        b"\0" + pattern[3 * (y % side) :] + pattern[: 3 * (y % side)] for y in range(side)
    )
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _filled(head: bytes) -> Callable[[str], bytes]:
    return lambda media_id: head + seeded("filler", media_id).randbytes(_FILLER_BYTES)


_WEBP: Final = b"RIFF" + struct.pack("<I", _FILLER_BYTES + 4) + b"WEBP"
_MP4: Final = struct.pack(">I", 20) + b"ftypisom\0\0\2\0isom"
_FILES: Final[dict[str, tuple[str, Callable[[str], bytes]]]] = {
    "image": ("image/png", png),
    "video": ("video/mp4", _filled(_MP4)),
    "audio": ("audio/ogg; codecs=opus", _filled(b"OggS\0\2")),
    "document": ("application/pdf", _filled(b"%PDF-1.4\n")),
    "sticker": ("image/webp", _filled(_WEBP)),
}
_FIRST_DIGIT: Final = {kind: str(digit) for digit, kind in enumerate(_FILES, start=1)}
_KINDS: Final = {digit: kind for kind, digit in _FIRST_DIGIT.items()}
