"""Internal tokens of 60 seconds: which service calls, for whom; EdDSA (D9).

Signing and verifying cost more than most requests, so both are remembered: a token is given out
again for the same caller while half of its life is left, and is verified once.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from fastapi import Header
from jwt.types import Options

from shared.plumbing import clock
from shared.plumbing.problems import ProblemError

_LIFE: Final = timedelta(seconds=60)
_REUSED_FOR: Final = _LIFE / 2  # the rest is for the call, its repetitions and slow clocks
_REMEMBERED: Final = 10_000  # tokens; the oldest makes room
_KEYS_SECONDS: Final = 5.0  # how long a public key that was taken away still counts
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


@dataclass(frozen=True, slots=True)
class _Signed:
    token: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Verified:
    caller: Caller
    not_before: float
    expires: float


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Newest(OrderedDict[K, V], Generic[K, V]):
    """The entries that were put in last, a bounded number of them."""

    def put(self, key: K, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > _REMEMBERED:
            self.popitem(last=False)


class TokenSigner:
    """Signs for one service, with `<keys_dir>/<service>.key`."""

    def __init__(
        self, service: str, keys_dir: Path, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._service = service
        self._now = now
        self._key = _private_key(keys_dir / f"{service}.key")
        self._signed = _Newest[Hashable, _Signed]()

    def sign(
        self, audience: str, *, account: UUID | None, principal: str, roles: Sequence[str] = ()
    ) -> str:
        """A token that `audience` accepts for at least 30 more seconds, for 60 at most."""
        at = self._now()
        who = (audience, account, principal, tuple(roles))
        known = self._signed.get(who)
        if known is None or not known.at <= at < known.at + _REUSED_FOR:
            known = _Signed(self._sign(at, audience, account, principal, roles), at)
            self._signed.put(who, known)
        return known.token

    def _sign(
        self,
        at: datetime,
        audience: str,
        account: UUID | None,
        principal: str,
        roles: Sequence[str],
    ) -> str:
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
    """Verifies for one service, with the public keys in `<keys_dir>/public/`.

    The folder is looked at every 5 seconds, and at once for a key id or a signature that is not
    known: a service that was added or got another key is known without a restart, one whose key was
    taken away is refused.
    """

    def __init__(
        self,
        service: str,
        keys_dir: Path,
        *,
        now: Callable[[], datetime] = clock.now,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._service = service
        self._now = now
        self._seconds = seconds
        self._folder = keys_dir / "public"
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._files: Sequence[tuple[str, int, int]] = ()
        self._looked_at: float | None = None
        self._verified = _Newest[str, _Verified]()

    def verify(self, token: str) -> Caller:
        """Who calls; raises InvalidTokenError."""
        if self._looked_at is None or self._seconds() - self._looked_at >= _KEYS_SECONDS:
            self._read_keys()
        found = self._verified.get(token) or self._verify(token)
        at, leeway = self._now().timestamp(), _LEEWAY.total_seconds()
        if not found.not_before - leeway <= at < found.expires + leeway:
            self._verified.pop(token, None)
            raise InvalidTokenError
        return found.caller

    def _verify(self, token: str) -> _Verified:
        try:
            try:
                claims = self._claims(token)
            except (jwt.InvalidSignatureError, KeyError):
                if not self._read_keys():
                    raise
                claims = self._claims(token)
            found = _Verified(_caller(claims), float(claims["nbf"]), float(claims["exp"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, KeyError) as error:
            raise InvalidTokenError from error
        self._verified.put(token, found)
        return found

    def _claims(self, token: str) -> Mapping[str, Any]:
        """Of a token that was signed with the key of who says to have signed it."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str):
            raise InvalidTokenError
        options: Options = {**_BY_OUR_CLOCK, "require": _REQUIRED, "strict_aud": True}
        claims: Mapping[str, Any] = jwt.decode(
            token, self._keys[kid], algorithms=["EdDSA"], audience=self._service, options=options
        )
        if claims["iss"] != kid:
            raise InvalidTokenError
        return claims

    def _read_keys(self) -> bool:
        """Read the folder when its files changed; then what the old keys verified is forgotten."""
        self._looked_at = self._seconds()
        try:
            files = _files(self._folder)
            if files == self._files:
                return False
            self._keys = _public_keys(self._folder)
        except (OSError, ValueError):  # it is being written; the next look finds it whole
            return False
        self._files = files
        self._verified.clear()
        return True


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


def _files(folder: Path) -> Sequence[tuple[str, int, int]]:
    """What tells one state of the folder from another."""
    found = [(path.name, path.stat()) for path in sorted(folder.glob("*.pem"))]
    return [(name, stat.st_mtime_ns, stat.st_size) for name, stat in found]
