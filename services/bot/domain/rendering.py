"""Puts variables into texts, and cuts texts on the borders of graphemes.

`{name}` stands for a variable, `{name|text}` for it or, without a value, for the text; `{{` and
`}}` for braces.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

_PART: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)(?:\|([^{}]*))?\}")
_ZERO_WIDTH_JOINER: Final = "\u200d"
_EXTENDS: Final = frozenset({"Mn", "Me", "Mc"})
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_TAGS: Final = range(0xE0020, 0xE0080)
_REGIONAL: Final = range(0x1F1E6, 0x1F200)
_JAMO: Final = range(0x1160, 0x1200)  # vowels and finals join the initial before them


def variables_in(text: str) -> set[str]:
    """The names that the text holds."""
    return {found[1] for found in _PART.finditer(text) if found[1]}


def render(text: str, values: Mapping[str, str], longest: Mapping[str, int]) -> str:
    """The text with values, each cut to its longest; what has no value is empty."""

    def part(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0][0]
        value = values.get(name) or found[2] or ""
        return cut(value, longest.get(name, len(value)))

    return _PART.sub(part, text)


def worst_length(text: str, longest: Mapping[str, int]) -> int:
    """How long it may become."""
    filled = {name: "x" * size for name, size in longest.items()}
    return len(render(text, filled, longest))


def cut(text: str, limit: int) -> str:
    """The text, or as much of its beginning as has at most `limit` characters and ends whole."""
    if len(text) <= limit:
        return text
    end = 0
    for border in _borders(text):
        if border > limit:
            break
        end = border
    return text[:end]


def _borders(text: str) -> Iterator[int]:
    """Every place between two characters as a person sees them (UAX 29, without prepends)."""
    flags = 0
    for index, (left, right) in enumerate(pairwise(text), start=1):
        flags = flags + 1 if ord(left) in _REGIONAL else 0
        if not _joined(left, right) and not (flags % 2 and ord(right) in _REGIONAL):
            yield index
    yield len(text)


def _joined(left: str, right: str) -> bool:
    return (
        _ZERO_WIDTH_JOINER in {left, right}
        or unicodedata.category(right) in _EXTENDS
        or ord(right) in _SKIN_TONES
        or ord(right) in _TAGS
        or ord(right) in _JAMO
        or (left, right) == ("\r", "\n")
    )
