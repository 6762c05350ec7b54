"""Texts with values: cut where a person sees the end of a character."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bot.domain.rendering import cut, render, variables_in, worst_length

FAMILY = "👨‍👩‍👧‍👦"
FLAG = "🇧🇷"
DECOMPOSED = unicodedata.normalize("NFD", "ação")


@pytest.mark.parametrize(
    ("text", "limit", "left"),
    [
        ("abc", 2, "ab"),
        (FAMILY + "x", len(FAMILY), FAMILY),
        (FAMILY, len(FAMILY) - 1, ""),
        ("x" + FLAG + FLAG, 4, "x" + FLAG),
        (DECOMPOSED, 2, "a"),
        (DECOMPOSED, 3, DECOMPOSED[:3]),
        ("👍🏽👍🏽", 3, "👍🏽"),
        ("a\r\nb", 2, "a"),
        ("❤️❤️", 3, "❤️"),
    ],
)
def test_it_is_cut_between_what_a_person_sees(text: str, limit: int, left: str) -> None:
    assert cut(text, limit) == left


@given(st.text(), st.integers(0, 20))
def test_it_is_never_longer_and_always_the_beginning(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit or not limit
    assert text.startswith(cut(text, limit))


def test_values_stand_in_for_their_names() -> None:
    values = {"nome": "Maria"}
    assert render("Oi, {nome}!", values, {"nome": 60}) == "Oi, Maria!"
    assert render("Oi, {nome|você}!", {}, {}) == "Oi, você!"
    assert render("{{nome}} {nome}", values, {}) == "{nome} Maria"
    assert render("{nome}", {"nome": "{nome}"}, {}) == "{nome}"
    assert render("{ nome } {", values, {}) == "{ nome } {"
    assert variables_in("{a} {b|x} {{c}} {A}") == {"a", "b"}


@given(st.text(max_size=50), st.integers(1, 30))
def test_the_worst_length_is_the_worst(value: str, size: int) -> None:
    text = "Olá, {nome|gente}! {nome}"
    assert len(render(text, {"nome": value}, {"nome": size})) <= max(
        worst_length(text, {"nome": size}), len(render(text, {}, {"nome": size}))
    )
