"""Compares texts like a person does: without case, accents, and spaces around."""

import unicodedata


def fold(text: str) -> str:
    """The text as it is compared."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(bare.split())
