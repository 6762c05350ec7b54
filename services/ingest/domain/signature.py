"""Find the app that signed a webhook's bytes (Cloud API 3.2)."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_HEADER: Final = re.compile(rb"sha256=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class App:
    """A Meta app: the secrets that sign its webhooks (two while rotating), whom it speaks for."""

    id: str
    account_id: UUID
    secrets: tuple[bytes, ...]
    waba_ids: frozenset[str]


def signers(body: bytes, headers: Sequence[bytes], apps: Sequence[App]) -> tuple[App, ...]:
    """The apps whose secret made this signature; none when the header is not exactly one digest.

    Several only when accounts share one Meta app. The header is compared as bytes: text with
    non-ASCII letters would raise inside the comparison.
    """
    if len(headers) != 1:
        return ()
    found = _HEADER.fullmatch(headers[0])
    if found is None:
        return ()
    digest = found.group(1)
    return tuple(app for app in apps if any(_made(digest, body, key) for key in app.secrets))


def _made(digest: bytes, body: bytes, secret: bytes) -> bool:
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
    return hmac.compare_digest(expected, digest)
