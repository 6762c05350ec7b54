"""The lines that a row prints, read again; several runs of it as a median and a spread."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

_LINE: Final = re.compile(
    r"(?P<name>.+) \| (?P<floor>[-\d.,e+]+) \| (?P<ours>[-\d.,e+]+) \| (?P<value>[-\d.]+) \|"
    r" (?P<sense>[<>]=) (?P<bar>[-\d.e+]+)(  MISSED)?"
)
_ROUNDED: Final = 0.006  # a printed value has two digits


@dataclass(frozen=True, slots=True)
class Line:
    """One printed row: `value` is what is held against `bar`, mostly ours / floor."""

    name: str
    floor: float
    ours: float
    value: float
    sense: str
    bar: float


@dataclass(frozen=True, slots=True)
class Series:
    """One row of several runs, of one commit."""

    name: str
    ours: Sequence[float]
    values: Sequence[float]
    sense: str
    bar: float

    @property
    def value(self) -> float:
        """The median of the values."""
        return median(self.values)

    @property
    def spread(self) -> float:
        """How far apart lowest and highest value are, in percent of the median."""
        if not self.value:
            return 0.0
        return 100 * (max(self.values) - min(self.values)) / abs(self.value)

    @property
    def reached(self) -> bool:
        """Whether the median reaches the bar."""
        return self.value >= self.bar if self.sense == ">=" else self.value <= self.bar

    def worse_than(self, base: "Series") -> float:
        """By how many percent of `base` this is worse; negative: better. Equal zeros: 0."""
        if not base.value:
            return 0.0 if not self.value else float("inf")
        change = 100 * (self.value - base.value) / abs(base.value)
        return change if self.sense == "<=" else -change


def lines_of(output: str) -> list[Line]:
    """The rows among what a module printed."""
    found = (_LINE.fullmatch(line.strip()) for line in output.splitlines())
    return [_line(match.groupdict()) for match in found if match is not None]


def series_of(runs: Iterable[Sequence[Line]]) -> Mapping[str, Series]:
    """The rows of several runs by name, in the order of the first run."""
    found: dict[str, list[Line]] = {}
    for run in runs:
        for line in run:
            found.setdefault(line.name, []).append(line)
    return {name: _series(lines) for name, lines in found.items()}


def _series(lines: Sequence[Line]) -> Series:
    first = lines[0]
    ours, values = [line.ours for line in lines], [line.value for line in lines]
    return Series(first.name, ours, values, first.sense, first.bar)


def _line(fields: Mapping[str, str]) -> Line:
    floor, ours, value = (float(fields[n].replace(",", "")) for n in ("floor", "ours", "value"))
    if floor and abs(ours / floor - value) <= _ROUNDED:
        value = ours / floor  # more digits than were printed
    return Line(fields["name"], floor, ours, value, fields["sense"], float(fields["bar"]))
