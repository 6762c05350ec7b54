"""Whether a text is an answer of a kind, and its one form; check digits included."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, TypeAlias

from services.bot.texts import pt_br
from shared.contracts.text_folding import folded

AnswerKind: TypeAlias = Literal[
    "text", "number", "date", "email", "cpf", "cnpj", "cpf_cnpj", "cep", "phone", "yes_no", "regex"
]
YES: Final = "yes"
NO: Final = "no"
YES_OR_NO: Final = (YES, NO)
_LONGEST_EMAIL: Final = 254
_CPF_DIGITS: Final = 11
_CNPJ_DIGITS: Final = 14
_CEP_DIGITS: Final = 8
_CENTURY: Final = 100
_EMAIL: Final = re.compile(r"[^\s@<>,;]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}")
_DATE: Final = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4}|\d{2})")
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YES: Final = frozenset(folded(word) for word in pt_br.YES)
_NO: Final = frozenset(folded(word) for word in pt_br.NO)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a number, or of the length of a text; None: no bound."""

    minimum: float | None = None
    maximum: float | None = None

    def hold(self, size: Decimal | int) -> bool:
        """Whether it lies within."""
        above = self.minimum is None or size >= self.minimum
        return above and (self.maximum is None or size <= self.maximum)


def read_answer(kind: AnswerKind, text: str, bounds: Bounds) -> str | None:
    """The answer in its one form, or None; not for the kinds that need a library."""
    if kind == "text":
        return text if bounds.hold(len(text)) else None
    if kind == "number":
        return _number(text, bounds)
    return _KINDS[kind](text)


def _number(text: str, bounds: Bounds) -> str | None:
    plain = text.replace(" ", "").removeprefix("R$")
    if "," in plain:  # 1.234,56
        plain = plain.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"-?\d{1,3}(\.\d{3})+", plain):  # 1.234
        plain = plain.replace(".", "")
    if not re.fullmatch(r"[+-]?\d{1,18}(\.\d{1,9})?", plain):
        return None
    try:
        found = Decimal(plain)
    except InvalidOperation:
        return None
    return format(found.normalize() + 0, "f") if bounds.hold(found) else None


def _date(text: str) -> str | None:
    if found := _ISO.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DATE.fullmatch(text):
        day, month, year = (int(part) for part in found.groups())
        year += 2000 if year < _CENTURY else 0
    else:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _email(text: str) -> str | None:
    good = len(text) <= _LONGEST_EMAIL and ".." not in text and _EMAIL.fullmatch(text)
    return text.lower() if good else None


def _digits(text: str) -> str:
    return re.sub(r"[\s.\-/]", "", text)


def _cpf(text: str) -> str | None:
    digits = _digits(text)
    if not re.fullmatch(r"[0-9]{11}", digits) or len(set(digits)) == 1:
        return None
    values = [int(digit) for digit in digits]
    good = all(_check(values[:n], range(n + 1, 1, -1)) == values[n] for n in (9, 10))
    return digits if good else None


def _cnpj(text: str) -> str | None:
    """Since July 2026 the first twelve may be letters: their value is the code less that of 0."""
    signs = _digits(text).upper()
    if not re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", signs) or len(set(signs)) == 1:
        return None
    values = [ord(sign) - ord("0") for sign in signs]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    good = all(_check(values[:n], weights[13 - n :]) == values[n] for n in (12, 13))
    return signs if good else None


def _check(values: Sequence[int], weights: Sequence[int]) -> int:
    """The check digit, modulo 11, of both registers."""
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest  # noqa: PLR2004  the registers' rule


def _cpf_or_cnpj(text: str) -> str | None:
    return _cpf(text) if len(_digits(text)) == _CPF_DIGITS else _cnpj(text)


def _cep(text: str) -> str | None:
    digits = _digits(text)
    good = re.fullmatch(r"[0-9]{8}", digits) and digits != "0" * _CEP_DIGITS
    return digits if good else None


def _yes_no(text: str) -> str | None:
    said = folded(text).rstrip("!. ")
    if said in _YES or said == "1":
        return YES
    return NO if said in _NO or said == "2" else None


_KINDS: Final[Mapping[AnswerKind, Callable[[str], str | None]]] = {
    "date": _date,
    "email": _email,
    "cpf": _cpf,
    "cnpj": _cnpj,
    "cpf_cnpj": _cpf_or_cnpj,
    "cep": _cep,
    "yes_no": _yes_no,
}
