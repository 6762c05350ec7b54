"""Sign and verify access tokens: EdDSA, valid for 15 minutes."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.types import Options

_AUDIENCE: Final = "guiche"
_ISSUER: Final = "gateway"
_REQUIRED: Final = ["iss", "aud", "sub", "exp", "nbf", "iat"]

# Signed by us: one of an instant to come is of a gateway whose clock is ahead.
_SIGNED_BY_US: Final[Options] = {"verify_nbf": False, "verify_iat": False}


class InvalidAccessTokenError(Exception):
    """Missing, forged, late, or not one of ours."""


class AccessTokens:
    """Signs and reads access tokens; every gateway has the same key."""

    def __init__(self, keys_dir: Path, life: timedelta, now: Callable[[], datetime]) -> None:
        key = load_pem_private_key((keys_dir / "gateway.key").read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            message = "gateway.key is not an Ed25519 key"
            raise TypeError(message)
        self._key = key
        self._public = key.public_key()
        self._now = now
        self.life = life

    def issue(self, agent_id: UUID) -> str:
        """A token for this agent; roles and sectors are looked up at each request."""
        at = self._now()
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": str(agent_id),
            "iat": at,
            "nbf": at,
            "exp": at + self.life,
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": _ISSUER})

    def read(self, token: str) -> UUID:
        """The agent of a token; raises InvalidAccessTokenError."""
        try:
            if jwt.get_unverified_header(token).get("kid") != _ISSUER:
                raise InvalidAccessTokenError
            return UUID(str(self._claims(token)["sub"]))
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidAccessTokenError from error

    def cursor_key(self) -> bytes:
        """The key that signs cursors, the same on every gateway."""
        raw = self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return hashlib.sha256(b"cursors" + raw).digest()

    def _claims(self, token: str) -> Mapping[str, Any]:
        return jwt.decode(
            token,
            self._public,
            algorithms=["EdDSA"],
            audience=_AUDIENCE,
            issuer=_ISSUER,
            options={**_SIGNED_BY_US, "require": _REQUIRED, "strict_aud": True},
        )
