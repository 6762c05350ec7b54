"""What is known of what became of a message."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageState:
    """Facts that were stored already: a repeat adds none."""

    facts: frozenset[str] = frozenset()  # names of statuses
    wamid: str | None = None
    wamid_hash: str | None = None
    reactions: tuple[tuple[str, str | None], ...] = ()
    edited: str | None = None
    revoked: bool = False
    same_as: UUID | None = None
