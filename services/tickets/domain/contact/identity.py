"""Which phone is it? The ninth digit is folded by adding it, never by taking it away."""

import re
from typing import Final

_WITHOUT_NINTH: Final = re.compile(r"^55(\d\d)([6-9]\d{7})$")


def folded(phone: str) -> str:
    """The form for keys and search (protocols.md 1): a landline's eight digits stay as they are."""
    digits = "".join(character for character in phone if character.isdigit())
    return _WITHOUT_NINTH.sub(r"55\g<1>9\2", digits)
