"""Conditions in CEL: what holds, what cannot be told, and what none of them may cost."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bot.adapters.cel import condition_fault, condition_holds
from services.bot.domain.evaluators import LONGEST_CONDITION, Types

TYPES: Types = (
    ("name", "text"),
    ("gone", "text"),
    ("age", "number"),
    ("born", "date"),
    ("sure", "yes_no"),
    ("weight", "number"),
    ("moved", "date"),
    ("agreed", "yes_no"),
)
VALUES = {"name": "José da Silva", "age": "30.5", "born": "1996-02-29", "sure": "yes"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("name == 'José da Silva'", True),
        ("name == 'jose da silva'", False),
        ("folded.name == 'jose da silva'", True),
        ("folded.name.contains('silva') && !folded.name.startsWith('da')", True),
        ("folded.name in ['ana', 'jose da silva']", True),
        ("folded . name.endsWith('silva') || known\n.gone", True),
        ("name + gone + string(size(name)) == 'José da Silva13'", True),
        ("size(name) > 20", False),
        ("age == 30.5", True),
        ("age >= 18.0 && age < 31.0", True),
        ("born < timestamp('2000-01-01T00:00:00Z')", True),
        ("born.getFullYear() == 1996 && born.getDate() == 29", True),
        ("sure", True),
        ("!sure", False),
        ("known.name && known.age && known.born && known.sure", True),
        ("known.gone || known.weight || known.moved || known.agreed", False),
        ("gone == '' && folded.gone == ''", True),
        ("known.weight && weight > 1.0", False),
        ("age > 1.0 || weight > 1.0", True),
        ("true ? sure : false", True),
    ],
)
def test_it_holds_or_not(expression: str, expected: bool) -> None:  # noqa: FBT001
    assert condition_fault(expression, TYPES) is None
    assert condition_holds(expression, TYPES, VALUES) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "weight > 1.0",
        "!(moved < born)",
        "agreed",
        "1 / (size(name) - size(name)) == 1",
        "['a'][size(name)] == 'a'",
        "int(name) == 1",
        "dyn(name) > 1",
        "timestamp(name) == born",
        "9223372036854775807 + size(name) > 1",
    ],
)
def test_what_cannot_be_told_is_said_so(expression: str) -> None:
    assert condition_fault(expression, TYPES) is None
    assert condition_holds(expression, TYPES, VALUES) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("age", "NaN"), ("age", "inf"), ("age", "old"), ("born", "1996-2-30"), ("sure", "maybe")],
)
def test_a_value_of_another_type_is_none(name: str, value: str) -> None:
    """A session that was moved to another version brings the values of before."""
    assert condition_holds(f"known.{name}", TYPES, {name: value}) is False
    assert condition_holds(f"{name} == {name}", TYPES, {name: value}) is None


def _nested(times: int, body: str) -> str:
    numbers = "[" + ",".join(map(str, range(1, 40))) + "]"
    for level in range(times):
        body = f"{numbers}.all(x{level}, {body})"
    return body


EVIL = {
    "iterates for ever": _nested(7, "true"),
    "doubles a text": f"['{'a' * 12}']{'.map(x, x + x)' * 60}.all(x, size(x) > 0)",
    "doubles a list": f"[1]{'.map(x, [x, x])' * 50}.all(x, x == x)",
    "nests texts": f"[name].all(x, {'[x + x].all(x, ' * 40}x != ''{')' * 41}",
    "has a pattern of many states": "name.matches('(.{1,30}){1,30}x')",
    "binds": "cel.bind(x, name + name, cel.bind(y, x + x, size(y) > 1))",
    "is too deep": "(" * 400 + "true" + ")" * 400,
    "is too long": "true || " * 125 + "true",
}


@pytest.mark.parametrize("expression", EVIL.values(), ids=EVIL.keys())
def test_an_evil_one_is_refused_and_cannot_be_told(expression: str) -> None:
    assert condition_fault(expression, TYPES)
    if len(expression) <= LONGEST_CONDITION:
        assert condition_holds(expression, TYPES, VALUES) is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("||".join(["folded.name == 'x'"] * 50), False),
        (f"({'+'.join(['name'] * 20)}).contains('{'á' * 800}b')", False),
        ("size(" + "+".join(["name"] * 25) + ") == 25000", True),
        ("!" * 990 + "true", True),
    ],
)
def test_the_dearest_ones_have_an_outcome(expression: str, expected: bool | None) -> None:  # noqa: FBT001
    assert condition_fault(expression, TYPES) is None
    assert condition_holds(expression, TYPES, {"name": "á" * 1000}) is expected


TOKENS = (
    *("name", "age", "sure", "born", "known.", "folded.", "'a'", "1", "1.5", "null", '"', "r'"),
    *("==", "<", "&&", "||", "!", "?", ":", "+", "-", "/", "in", ",", "//", "\\", "é"),
    *("(", ")", "[", "]", "{", "}", ".size()", ".all(x,", "has(", "matches(", "dyn(", "timestamp("),
)


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(" ".join))
def test_any_text_has_a_fault_or_an_outcome(expression: str) -> None:
    fault = condition_fault(expression, TYPES)
    outcome = condition_holds(expression, TYPES, VALUES)
    assert fault is None or fault.strip()
    assert outcome in {True, False, None}
    assert condition_holds(expression, TYPES, VALUES) is outcome


def test_one_expression_may_be_judged_by_several_threads() -> None:
    def judge(number: int) -> bool:
        even = number % 2 == 0
        values = {"name": "Zé" if even else "Ana", "age": str(number)}
        held = [
            condition_holds("folded.name == 'ze' && age >= 0.0", TYPES, values) for _ in range(300)
        ]
        return held == [even] * 300

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(judge, range(16)))
