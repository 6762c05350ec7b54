"""When are two names the same to a person, and in which order do they stand?"""

import unicodedata


def folded(name: str) -> str:
    """Without capitals, accents, compatibility forms and superfluous blanks."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())
