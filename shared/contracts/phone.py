"""Phone keys: the one rule of the Brazilian ninth digit (protocols.md 1)."""

import re
from typing import Final

_WRITTEN: Final = re.compile(r"[+().\-\s\u00a0\u2010\u2011\u2012\u2013]")
_DIGITS: Final = re.compile(r"[0-9]+")
_WITHOUT_NINTH: Final = re.compile(r"(55\d\d)([6-9]\d{7})")
_LOCAL_WITHOUT_NINTH: Final = re.compile(r"(\d\d)([6-9]\d{7})")


def phone_digits(text: str) -> str | None:
    """The digits of a phone in any spelling; None for what is no phone.

    Only signs of writing are taken away (`+`, blanks, brackets, hyphens, dots): `a-77` is no phone.
    """
    found = _WRITTEN.sub("", text)
    return found if _DIGITS.fullmatch(found) else None


def with_ninth_digit(digits: str) -> str:
    """A Brazilian mobile with its ninth digit; all else as it is.

    The digit is added, never taken away: without it, `55 11 9 5123-4567` is another's landline.
    """
    match = _WITHOUT_NINTH.fullmatch(digits)
    return digits if match is None else f"{match[1]}9{match[2]}"


def phone_key(text: str) -> str:
    """The form for keys and comparing: equal for all spellings of one phone.

    What is no phone is an id of its own, whole; empty when nothing but blanks was given.
    """
    digits = phone_digits(text)
    return text.strip() if digits is None else with_ninth_digit(digits)


def searched_phones(text: str) -> tuple[str, ...]:
    """What to look for inside of `phone_key`s when a person types a phone or part of one.

    As typed, without the zero of a trunk call, and with the ninth digit where it may be missing.
    Empty for what is no phone or has less than four digits.
    """
    digits = (phone_digits(text) or "").lstrip("0")
    if len(digits) < 4:  # noqa: PLR2004  fewer would find nearly everybody
        return ()
    local = _LOCAL_WITHOUT_NINTH.fullmatch(digits)
    forms = [digits, with_ninth_digit(digits)]
    if local is not None:
        forms.append(f"{local[1]}9{local[2]}")
    return tuple(dict.fromkeys(forms))
