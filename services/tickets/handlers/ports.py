"""The small ports of the handlers besides the store and the directory."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

Clock = Callable[[], datetime]
"""Now, aware UTC."""

NewId = Callable[[], UUID]
"""A new UUIDv7."""


class Hasher(Protocol):
    """Names for private values: HMAC-SHA256 with the account's pepper (D3)."""

    def hashed(self, account: UUID, *parts: str) -> bytes:
        """The name of these parts; may raise what the pepper's absence raises (retried)."""
        ...
