"""Phone numbers, conditions, and patterns in time linear to the text, by libraries.

Patterns go through pydantic's engine (Rust's regex): accounts write them, and some patterns make
Python's own engine run for ever.
"""

from functools import lru_cache
from typing import Annotated, Final

import phonenumbers
from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from services.bot.adapters.cel import condition_fault, condition_holds
from services.bot.domain.evaluators import Evaluators

_COUNTRY: Final = "BR"
_LONGEST: Final = 40


def phone(text: str) -> str | None:
    """The number as E.164; without a country it is Brazilian."""
    if len(text) > _LONGEST:
        return None
    try:
        found = phonenumbers.parse(text, _COUNTRY)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(found):
        return None
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches; a pattern that is none matches nothing."""
    try:
        _compiled(pattern).validate_python(text)
    except (ValidationError, SchemaError):
        return False
    return True


def compiles(pattern: str) -> bool:
    """Whether it is a pattern."""
    try:
        _compiled(pattern)
    except SchemaError:
        return False
    return True


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=rf"^(?:{pattern})$")])


EVALUATORS: Final = Evaluators(
    phone=phone,
    matches=matches,
    compiles=compiles,
    condition_fault=condition_fault,
    condition_holds=condition_holds,
)
