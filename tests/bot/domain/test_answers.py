"""Which texts are answers, and in which one form they are kept."""

import time

import pytest

from services.bot.adapters.evaluators import EVALUATORS, compiles
from services.bot.domain.answers import AnswerKind
from services.bot.domain.nodes import Ask


def an_ask(kind: AnswerKind, **changed: object) -> Ask:
    return Ask.model_validate({"text": "?", "kind": kind, **changed})


GOOD = [
    ("text", "  duas palavras ", "duas palavras"),
    ("number", "1.234,50", "1234.5"),
    ("number", "R$ 10", "10"),
    ("number", "1.000", "1000"),
    ("number", "100", "100"),
    ("number", "-3,5", "-3.5"),
    ("date", "29/02/2024", "2024-02-29"),
    ("date", "1-2-26", "2026-02-01"),
    ("date", "2026-11-23", "2026-11-23"),
    ("email", "Maria@Exemplo.com.br", "maria@exemplo.com.br"),
    ("cpf", "529.982.247-25", "52998224725"),
    ("cnpj", "11.222.333/0001-81", "11222333000181"),
    ("cnpj", "12.ABC.345/01DE-35", "12ABC34501DE35"),
    ("cpf_cnpj", "52998224725", "52998224725"),
    ("cpf_cnpj", "11222333000181", "11222333000181"),
    ("cep", "01310-100", "01310100"),
    ("phone", "(11) 95123-4567", "+5511951234567"),
    ("phone", "+351 912 345 678", "+351912345678"),
    ("yes_no", "SIM!", "yes"),
    ("yes_no", "Nao", "no"),
]
BAD = [
    ("text", "   "),
    ("number", "doze"),
    ("number", "1e9999999"),
    ("number", "NaN"),
    ("date", "30/02/2024"),
    ("date", "29/02/2023"),
    ("email", "maria@exemplo"),
    ("email", "maria exemplo@x.com"),
    ("email", "a@b..com"),
    ("cpf", "529.982.247-26"),
    ("cpf", "111.111.111-11"),
    ("cpf", "5299822472"),
    ("cnpj", "11.222.333/0001-82"),
    ("cnpj", "00000000000000"),
    ("cpf_cnpj", "123"),
    ("cep", "0131010"),
    ("cep", "00000000"),
    ("phone", "123"),
    ("phone", "9" * 60),
    ("yes_no", "talvez"),
]


@pytest.mark.parametrize(("kind", "text", "kept"), GOOD)
def test_this_is_an_answer(kind: AnswerKind, text: str, kept: str) -> None:
    assert an_ask(kind).read(text, EVALUATORS) == kept


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_this_is_none(kind: AnswerKind, text: str) -> None:
    assert an_ask(kind).read(text, EVALUATORS) is None


def test_one_wrong_digit_anywhere_is_noticed() -> None:
    registers: dict[AnswerKind, str] = {"cpf": "52998224725", "cnpj": "11222333000181"}
    for kind, good in registers.items():
        for place, digit in enumerate(good):
            wrong = good[:place] + str((int(digit) + 1) % 10) + good[place + 1 :]
            assert an_ask(kind).read(wrong, EVALUATORS) is None, wrong


def test_bounds_are_of_length_for_texts_and_of_value_for_numbers() -> None:
    text = an_ask("text", minimum=2, maximum=3)
    assert [text.read(said, EVALUATORS) for said in ("a", "ab", "abcd")] == [None, "ab", None]
    number = an_ask("number", minimum=1, maximum=10)
    assert [number.read(said, EVALUATORS) for said in ("0", "10", "11")] == [None, "10", None]


def test_a_pattern_must_match_the_whole_text() -> None:
    order = an_ask("regex", pattern="[A-Z]{2}[0-9]{4}")
    assert order.read("AB1234", EVALUATORS) == "AB1234"
    assert order.read("xAB1234", EVALUATORS) is None
    assert an_ask("regex", pattern="a|b").read("ac", EVALUATORS) is None


def test_no_pattern_of_an_account_can_stop_the_process() -> None:
    started = time.monotonic()
    assert an_ask("regex", pattern="(a+)+(b+)+c").read("a" * 4000, EVALUATORS) is None
    assert time.monotonic() - started < 1
    assert not compiles("(?=a)b")
    assert not compiles("(a)\\1")
    assert not compiles("(")
