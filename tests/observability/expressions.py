"""What does a PromQL expression ask for? Series, labels; is it whole?"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?\s*(\()?")
_MATCHER: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset"})
_FUNCTIONS: Final = frozenset(
    {
        *("sum", "max", "absent", "rate", "increase", "changes", "deriv"),
        *("histogram_quantile", "clamp_min"),
    }
)
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


class UnknownFunctionError(ValueError):
    """A function that no expression of ours has used so far: a slip, or add it."""


class Asked(NamedTuple):
    """The series of one expression with the labels that select them, and those it groups by."""

    series: Mapping[str, frozenset[str]]
    grouped: frozenset[str]


def asked(expression: str) -> Asked:
    """What it asks for; raises UnknownFunctionError."""
    bare = _STRING.sub('""', expression)
    grouped = {name.strip() for found in _GROUPING.findall(bare) for name in found.split(",")}
    rest = re.sub(r"\[[^]]*\]|\boffset\s+\w+", "", _GROUPING.sub("", bare))
    series: dict[str, frozenset[str]] = {}
    for name, labels in _selectors(rest):
        series[name] = series.get(name, frozenset()) | frozenset(_MATCHER.findall(labels))
    return Asked(series, frozenset(grouped))


def _selectors(text: str) -> Iterator[tuple[str, str]]:
    for name, labels, called in _SELECTOR.findall(text):
        if called and name not in _WORDS:
            if name not in _FUNCTIONS:
                raise UnknownFunctionError(name)
        elif name not in _WORDS:
            yield name, labels


def balanced(expression: str) -> bool:
    """Whether every bracket is closed by its own kind."""
    open_ones: list[str] = []
    for char in _STRING.sub("", expression):
        if char in _PAIRS.values():
            open_ones.append(char)
        elif char in _PAIRS and (not open_ones or open_ones.pop() != _PAIRS[char]):
            return False
    return not open_ones
