"""Fields are only added, and optional (style.md 12)."""

import pytest

from tests.contracts.fields import Fields, breaks, fields_now, stored_fields

BEFORE: Fields = {"a.B.v1": {"id": "required int", "note": "optional str"}}


def test_no_contract_breaks_those_who_know_the_stored_fields() -> None:
    assert breaks(stored_fields(), fields_now()) == []


def test_the_stored_fields_are_those_of_the_code() -> None:
    assert stored_fields() == fields_now(), "run python -m tests.contracts.fields"


@pytest.mark.parametrize(
    ("after", "broken"),
    [
        ({}, "a.B.v1: gone"),
        ({"a.B.v1": {"id": "required int"}}, "a.B.v1.note: gone"),
        (
            {"a.B.v1": {"id": "required str", "note": "optional str"}},
            "a.B.v1.id: was required int, is required str",
        ),
        (
            {"a.B.v1": {"id": "required int", "note": "required str"}},
            "a.B.v1.note: was optional str, is required str",
        ),
        (
            {"a.B.v1": {"id": "required int", "note": "optional str", "x": "required int"}},
            "a.B.v1.x: added and required",
        ),
    ],
)
def test_a_breaking_change_is_seen(after: Fields, broken: str) -> None:
    assert breaks(BEFORE, after) == [broken]


def test_an_optional_field_may_be_added() -> None:
    after = {"a.B.v1": {**BEFORE["a.B.v1"], "x": "optional int"}, "a.C.v1": {"y": "required int"}}
    assert breaks(BEFORE, after) == []
