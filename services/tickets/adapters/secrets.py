"""Which secrets does tickets need? Fetched from directory, kept in memory, never written (D9)."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from uuid import UUID

from shared.contracts.internal_api import SecretsAnswer
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.loops import Heartbeat
from shared.plumbing.sealing import hmac_key

Fetch = Callable[[], Awaitable[Answer]]


class SecretsRefusedError(Exception):
    """directory answered, but not with secrets."""


class SecretMissingError(Exception):
    """The account's pepper or wrapping key is not here; it is asked for.

    Not a TransientError: an account that directory does not know must not block its neighbours.
    """


class Secrets:
    """The secrets as directory last told them; they stay when directory is away."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._peppers: Mapping[UUID, bytes] = {}
        self._wrapping_keys: Mapping[UUID, bytes] = {}
        self.own_key = b""
        self.ready = asyncio.Event()
        self.wanted = asyncio.Event()

    async def refresh(self, beat: Heartbeat) -> None:
        """A body for Loops, each minute, and at once when `wanted`."""
        beat.beat()
        answer = await self._fetch()
        if answer.status != HTTPStatus.OK:
            raise SecretsRefusedError(answer.status)
        self._take(SecretsAnswer.model_validate_json(answer.body))
        self.ready.set()

    def hashed(self, account: UUID, *parts: str) -> bytes:
        """The name of private parts under the account's pepper; raises SecretMissingError."""
        return hmac_key(self._of(self._peppers, account), *parts)

    async def wrapping_key(self, account: UUID) -> bytes:
        """What wraps the keys of the account's contacts; raises SecretMissingError."""
        return self._of(self._wrapping_keys, account)

    def _of(self, secrets: Mapping[UUID, bytes], account: UUID) -> bytes:
        found = secrets.get(account)
        if found is None:
            self.wanted.set()
            raise SecretMissingError
        return found

    def _take(self, answer: SecretsAnswer) -> None:
        self.own_key = base64.b64decode(answer.service_key)
        self._peppers = {
            account.account_id: base64.b64decode(account.pepper)
            for account in answer.accounts
            if account.pepper is not None
        }
        self._wrapping_keys = {
            account.account_id: base64.b64decode(account.wrapping_key)
            for account in answer.accounts
            if account.wrapping_key is not None
        }


def fetch_from(client: InternalClient) -> Fetch:
    """Ask directory for what tickets may know."""

    async def fetch() -> Answer:
        return await client.get("/internal/secrets", account=None, principal="tickets")

    return fetch
