"""Derive a command's id: the same key of the same person is the same command (D5)."""

from typing import Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("7a1f7b53-6bb4-5a3b-8e0c-2f5d1c9f6a10")


def command_id(principal: UUID, idempotency_key: str) -> UUID:
    """The id that tickets remembers for seven days."""
    return uuid5(_NAMESPACE, f"{principal}:{idempotency_key}")
