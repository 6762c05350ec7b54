"""Seal personal data (AES-GCM), and name private values by HMAC."""

import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12
_SEPARATOR: Final = "\x1f"


class SealBrokenError(Exception):
    """The key, the associated data or the sealed bytes are not those of the sealing."""


class Sealer:
    """Seals with one key of 32 bytes; the random nonce stands before the sealed bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._key = key

    def derived_key(self, purpose: str) -> bytes:
        """The 32 bytes of another key, from which this one cannot be found."""
        return derived_key(self._key, purpose.encode())

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


def derived_key(key: bytes, purpose: bytes, salt: bytes | None = None) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256)."""
    return HKDF(SHA256(), 32, salt, purpose).derive(key)


def hmac_key(pepper: bytes, *parts: str) -> bytes:
    """HMAC-SHA256 of the parts: a name for what contains a phone number (D3; R13)."""
    return hmac.digest(pepper, _SEPARATOR.join(parts).encode(), hashlib.sha256)
