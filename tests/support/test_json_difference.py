"""A value that is gone or has changed is seen; an added one is no difference."""

import pytest
from pydantic import JsonValue

from tests.support.json_difference import differences


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"b": 1}, ["a: gone"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["a.b.1: was 2, is 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: was [1], is [1, 2]"]),
        ({"a": None}, {"a": 0}, ["a: was None, is 0"]),
        ({"a": 1}, {"a": True}, ["a: was 1, is True"]),
    ],
)
def test_what_is_gone_or_changed_is_seen(
    before: JsonValue, now: JsonValue, expected: list[str]
) -> None:
    assert list(differences(before, now)) == expected
