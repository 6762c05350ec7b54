"""How does a service know which service calls, and for whom? A token of 60 seconds, EdDSA (D9)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from fastapi import Header
from jwt.types import Options

from shared.plumbing import clock
from shared.plumbing.problems import ProblemError

_LIFE: Final = timedelta(seconds=60)
_LEEWAY: Final = timedelta(seconds=5)  # clocks of two machines
_BY_OUR_CLOCK: Final[Options] = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
_REQUIRED: Final = ["iss", "aud", "sub", "exp", "nbf", "iat", "roles"]


class InvalidTokenError(Exception):
    """The token is missing, forged, late, or meant for another service."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the service, and the principal (a person, a bot, or the service) it speaks for."""

    service: str
    account: UUID | None
    principal: str
    roles: tuple[str, ...]


class TokenSigner:
    """Signs for one service, with `<keys_dir>/<service>.key`."""

    def __init__(
        self, service: str, keys_dir: Path, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._service = service
        self._now = now
        self._key = _private_key(keys_dir / f"{service}.key")

    def sign(
        self, audience: str, *, account: UUID | None, principal: str, roles: Sequence[str] = ()
    ) -> str:
        """A token that `audience` accepts for 60 seconds."""
        at = self._now()
        claims = {
            "iss": self._service,
            "aud": audience,
            "sub": principal,
            "account": None if account is None else str(account),
            "roles": list(roles),
            "iat": at,
            "nbf": at,
            "exp": at + _LIFE,
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._service})


class TokenVerifier:
    """Verifies for one service; reads `<keys_dir>/public/` again for an unknown key id."""

    def __init__(
        self, service: str, keys_dir: Path, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._service = service
        self._now = now
        self._folder = keys_dir / "public"
        self._keys: dict[str, Ed25519PublicKey] = {}

    def verify(self, token: str) -> Caller:
        """Who calls; raises InvalidTokenError."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            claims = self._claims(token, self._key(kid))
        except (jwt.InvalidTokenError, ValueError, KeyError) as error:
            raise InvalidTokenError from error
        if claims["iss"] != kid or not self._in_time(claims):
            raise InvalidTokenError
        return _caller(claims)

    def _claims(self, token: str, key: Ed25519PublicKey) -> Mapping[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=["EdDSA"],
            audience=self._service,
            options={**_BY_OUR_CLOCK, "require": _REQUIRED, "strict_aud": True},
        )

    def _in_time(self, claims: Mapping[str, Any]) -> bool:
        """As the library does it, but by the clock that was given."""
        at, leeway = self._now().timestamp(), _LEEWAY.total_seconds()
        return float(claims["nbf"]) <= at + leeway and at - leeway < float(claims["exp"])

    def _key(self, kid: object) -> Ed25519PublicKey:
        if not isinstance(kid, str):
            raise InvalidTokenError
        if kid not in self._keys:
            self._keys = _public_keys(self._folder)
        return self._keys[kid]


def caller_dependency(verifier: TokenVerifier) -> Callable[[str], Awaitable[Caller]]:
    """A FastAPI dependency: the caller, or 401 `unauthenticated`."""

    async def caller(authorization: Annotated[str, Header()] = "") -> Caller:
        scheme, _, token = authorization.partition(" ")
        try:
            return verifier.verify(token if scheme.lower() == "bearer" else "")
        except InvalidTokenError as error:
            code = "unauthenticated"
            raise ProblemError(code, headers={"WWW-Authenticate": "Bearer"}) from error

    return caller


def _caller(claims: Mapping[str, Any]) -> Caller:
    account: Any = claims.get("account")
    roles: Any = claims["roles"]
    try:
        return Caller(
            service=str(claims["iss"]),
            account=None if account is None else UUID(account),
            principal=str(claims["sub"]),
            roles=tuple(str(role) for role in roles),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidTokenError from error


def _private_key(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(path.name)
    return key


def _public_keys(folder: Path) -> dict[str, Ed25519PublicKey]:
    keys = {path.stem: load_pem_public_key(path.read_bytes()) for path in folder.glob("*.pem")}
    return {name: key for name, key in keys.items() if isinstance(key, Ed25519PublicKey)}
