"""The form in which texts are compared: case, accents, width and unseen signs do not count."""

import unicodedata
from typing import Final

_SHOWS_NOTHING: Final = frozenset({"Mn", "Me", "Cf", "Cc"})


def folded(text: str) -> str:
    """Lower case, without accents, single blanks."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    shown = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFKD", plain)
        if character.isspace() or unicodedata.category(character) not in _SHOWS_NOTHING
    )
    return " ".join(shown.split())
