"""SQL conditions on `contact`: which contacts a search means."""

from typing import Final, LiteralString

from shared.contracts.internal_api import Scope
from shared.contracts.phone import searched_phones
from shared.contracts.text_folding import folded

FOUND_CONTACT: Final[LiteralString] = """
    (%(words)s::text[] <> '{}' AND contact.searched_name LIKE ALL(%(words)s::text[])
        OR contact.searched_phone LIKE ANY(%(phones)s::text[]))
"""
"""All words in the name, in any order, or a phone in any spelling."""


def searches(q: str | None) -> bool:
    """Whether anything is looked for."""
    return q is not None and q.strip() != ""


def search_values(q: str | None, scope: Scope) -> dict[str, object]:
    """The parameters of a search; who may not see phones finds nobody by one."""
    text = q or ""
    phones = searched_phones(text) if scope.sees_phones else ()
    return {
        "words": [like(word) for word in folded(text).split()],
        "phones": [like(phone) for phone in phones],
        "protocol": like(text.strip()),
    }


def like(text: str) -> str:
    """A pattern of LIKE for what holds this text."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
