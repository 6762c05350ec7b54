"""Spellings of one phone are one key; other phones are others."""

import pytest

from shared.contracts.phone import phone_digits, phone_key, searched_phones

MOBILE = "5511987654321"
SPELLINGS = (
    "5511987654321",
    "+55 11 98765-4321",
    "+55 (11) 98765.4321",
    "551187654321",
    "+55 11 8765-4321",
    " 55\u00a011\u00a08765\u20114321 ",
)


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_of_one_phone_are_one_key(text: str) -> None:
    assert phone_key(text) == MOBILE


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("551132654321", "551132654321"),  # a landline has eight digits
        ("5511951234567", "5511951234567"),
        ("553161234567", "5531961234567"),
        ("551199999999", "5511999999999"),
        ("5491123456789", "5491123456789"),  # other countries have no ninth digit
        ("55119", "55119"),
        ("", ""),
        ("14155552671", "14155552671"),
        ("a-77", "a-77"),
        ("b-77", "b-77"),
        ("BR.77", "BR.77"),
        ("٣٤٥", "٣٤٥"),
        ("  ", ""),
        ("+", "+"),
    ],
)
def test_what_is_something_else_stays_it(text: str, key: str) -> None:
    assert phone_key(text) == key


def test_no_phone_has_no_digits() -> None:
    assert phone_digits("a-77") is None
    assert phone_digits("+") is None
    assert phone_digits("") is None


@pytest.mark.parametrize(
    "typed",
    [
        *SPELLINGS,
        "(11) 98765-4321",
        "11 8765-4321",
        "011 98765-4321",
        "8765-4321",
        "98765-4321",
        "4321",
        "119876",
    ],
)
def test_what_people_type_finds_the_phone(typed: str) -> None:
    assert any(form in MOBILE for form in searched_phones(typed))


@pytest.mark.parametrize("typed", ["321", "Ana", "a-7777", "", "0000"])
def test_what_is_no_phone_is_not_looked_for(typed: str) -> None:
    assert searched_phones(typed) == ()
