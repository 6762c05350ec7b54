"""Hash and check passwords: Argon2id in a thread, about half a second of CPU each."""

import asyncio
from typing import Final

from pwdlib import PasswordHash

_HASHER: Final = PasswordHash.recommended()
_NOBODY: Final = _HASHER.hash("nobody has this password")


async def hashed(password: str) -> str:
    """The hash to store."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether it is; an unknown login (None) takes as long as a known one."""
    right = await asyncio.to_thread(_HASHER.verify, password, stored or _NOBODY)
    return right and stored is not None
