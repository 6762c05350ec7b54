"""Tests over variables."""

import pytest

from services.bot.domain.conditions import AllOf, AnyOf, Comparison, Not, comparisons, holds

VALUES = {"name": "José", "age": "30", "empty": ""}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (Comparison("name", "equals", ("jose",)), True),
        (Comparison("age", "equals", ("30.0",)), True),
        (Comparison("name", "not_equals", ("ana",)), True),
        (Comparison("name", "one_of", ("ana", "JOSE")), True),
        (Comparison("name", "contains", ("os",)), True),
        (Comparison("name", "starts_with", ("Jó",)), True),
        (Comparison("age", "greater_than", ("29",)), True),
        (Comparison("age", "less_than", ("30",)), False),
        (Comparison("name", "greater_than", ("1",)), False),
        (Comparison("name", "is_set"), True),
        (Comparison("empty", "is_set"), False),
        (Comparison("gone", "is_set"), False),
        (Comparison("gone", "equals", ("x",)), False),
        (Comparison("gone", "not_equals", ("x",)), True),
        (AllOf((Comparison("name", "is_set"), Comparison("gone", "is_set"))), False),
        (AnyOf((Comparison("name", "is_set"), Comparison("gone", "is_set"))), True),
        (Not(Comparison("gone", "is_set")), True),
    ],
)
def test_it_holds_or_not(test: Comparison | AllOf | AnyOf | Not, expected: bool) -> None:  # noqa: FBT001
    assert holds(test, VALUES) is expected


def test_every_comparison_is_counted() -> None:
    one = Comparison("name", "is_set")
    assert len(comparisons(AllOf((one, Not(AnyOf((one, one))))))) == 3
