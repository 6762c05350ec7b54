"""Does a test over the variables hold? Typed comparisons: no code, a bounded number of looks.

Texts are compared folded; numbers where both sides are numbers. A variable without a value is
no text: only `is_set` and the negations hold for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, TypeAlias, assert_never

from services.bot.domain.folding import fold

Operator: TypeAlias = Literal[
    "equals",
    "not_equals",
    "one_of",
    "contains",
    "starts_with",
    "greater_than",
    "less_than",
    "is_set",
]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A variable against values; `one_of` takes several, `is_set` none."""

    variable: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one holds."""

    tests: tuple["Test", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them holds."""

    tests: tuple["Test", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    test: "Test"


Test: TypeAlias = Comparison | AllOf | AnyOf | Not

MOST_LOOKS: Final = 100
"""Budget of one test: as many comparisons as it may have, checked at publish."""


def holds(test: Test, variables: Mapping[str, str]) -> bool:
    """Whether the test holds for these values."""
    match test:
        case Comparison():
            return _compared(test, variables.get(test.variable))
        case AllOf(tests):
            return all(holds(each, variables) for each in tests)
        case AnyOf(tests):
            return any(holds(each, variables) for each in tests)
        case Not(inner):
            return not holds(inner, variables)
        case _:
            assert_never(test)


def comparisons(test: Test) -> list[Comparison]:
    """Every comparison in it."""
    match test:
        case Comparison():
            return [test]
        case AllOf(tests) | AnyOf(tests):
            return [found for each in tests for found in comparisons(each)]
        case Not(inner):
            return comparisons(inner)
        case _:
            assert_never(test)


def _compared(test: Comparison, value: str | None) -> bool:
    if test.operator == "is_set":
        return bool(value)
    if value is None:
        return test.operator == "not_equals"
    return any(_OPERATORS[test.operator](value, other) for other in test.values)


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _same(value: str, other: str) -> bool:
    left, right = _number(value), _number(other)
    if left is not None and right is not None:
        return left == right
    return fold(value) == fold(other)


def _ordered(value: str, other: str) -> int:
    """-1, 0 or 1; 0 as well for what has no order."""
    left, right = _number(value), _number(other)
    if left is None or right is None:
        return 0
    return (left > right) - (left < right)


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "equals": _same,
    "not_equals": lambda value, other: not _same(value, other),
    "one_of": _same,
    "contains": lambda value, other: fold(other) in fold(value),
    "starts_with": lambda value, other: fold(value).startswith(fold(other)),
    "greater_than": lambda value, other: _ordered(value, other) > 0,
    "less_than": lambda value, other: _ordered(value, other) < 0,
}
