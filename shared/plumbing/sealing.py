"""How is personal data sealed (AES-GCM) and a private value turned into a name (HMAC)?"""

import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_SEPARATOR: Final = "\x1f"


class SealBrokenError(Exception):
    """The key, the associated data or the sealed bytes are not those of the sealing."""


class Sealer:
    """Seals with one key of 32 bytes; the random nonce stands before the sealed bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, aad: bytes) -> bytes:
        """Sealed `data`, bound to `aad` (where it belongs)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """What was sealed; raises SealBrokenError."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad)
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError from error


def hmac_key(pepper: bytes, *parts: str) -> bytes:
    """HMAC-SHA256 of the parts: a name for what contains a phone number (D3; R13)."""
    return hmac.digest(pepper, _SEPARATOR.join(parts).encode(), hashlib.sha256)
