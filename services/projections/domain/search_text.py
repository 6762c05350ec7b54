"""In which form is a text stored and looked for? Accents, case and width do not count."""

import unicodedata
from typing import Final

_SHOWS_NOTHING: Final = frozenset({"Mn", "Me", "Cf", "Cc"})


def folded(text: str) -> str:
    """The form for storing and asking: lower case, without accents, single blanks."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    shown = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFKD", plain)
        if character.isspace() or unicodedata.category(character) not in _SHOWS_NOTHING
    )
    return " ".join(shown.split())


def like(text: str) -> str:
    """A pattern of LIKE for what holds this text."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
