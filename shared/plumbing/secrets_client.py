"""The secrets of one service, fetched from directory and kept in memory only (D9)."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, TypeAlias
from uuid import UUID

from shared.contracts.internal_api import AppSecrets, SecretsAnswer
from shared.plumbing.http import Answer, InternalClient, InternalClients
from shared.plumbing.loops import Heartbeat
from shared.plumbing.sealing import hmac_key
from shared.plumbing.settings import CommonSettings
from shared.plumbing.tokens import TokenSigner
from shared.plumbing.transient import TransientError

_PATH: Final = "/internal/secrets"

Fetch: TypeAlias = Callable[[], Awaitable[Answer]]


class SecretsRefusedError(TransientError):
    """directory answered, but not with secrets: it is not ready, or does not know our key yet."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class SecretMissingError(Exception):
    """An account's secret is not known yet; directory is being asked again.

    Not a TransientError: an account that directory does not know must not block the others.
    """

    code = "not_ready"


class SecretsClient:
    """The secrets as directory last told them; they stay when directory is away.

    Run `refresh` as a loop with `wake=wanted`; `ready` is set after the first answer.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._peppers: Mapping[UUID, bytes] = {}
        self._wrapping_keys: Mapping[UUID, bytes] = {}
        self._access_tokens: Mapping[UUID, str] = {}
        self.own_key = b""
        self.apps: Sequence[AppSecrets] = ()
        self.ready = asyncio.Event()
        self.wanted = asyncio.Event()

    async def refresh(self, beat: Heartbeat) -> None:
        """Ask directory once; raises SecretsRefusedError, UnreachableError."""
        beat.beat()
        answer = await self._fetch()
        if answer.status != HTTPStatus.OK:
            raise SecretsRefusedError(answer.status)
        self._take(SecretsAnswer.model_validate_json(answer.body))
        self.ready.set()

    def pepper(self, account: UUID) -> bytes:
        """The key of the account's HMACs; raises SecretMissingError."""
        return self._of(self._peppers, account)

    def hashed(self, account: UUID, *parts: str) -> bytes:
        """HMAC-SHA256 of the parts under the account's pepper; raises SecretMissingError."""
        return hmac_key(self.pepper(account), *parts)

    async def wrapping_key(self, account: UUID) -> bytes:
        """The key that wraps the keys of the account's contacts; raises SecretMissingError."""
        return self._of(self._wrapping_keys, account)

    def access_token(self, connection: UUID) -> str | None:
        """The token with which a number sends; when it is missing directory is asked again."""
        found = self._access_tokens.get(connection)
        if found is None:
            self.wanted.set()
        return found

    def _of(self, secrets: Mapping[UUID, bytes], account: UUID) -> bytes:
        found = secrets.get(account)
        if found is None:
            self.wanted.set()
            raise SecretMissingError
        return found

    def _take(self, answer: SecretsAnswer) -> None:
        accounts = answer.accounts
        self.own_key = base64.b64decode(answer.service_key)
        self.apps = tuple(answer.apps)
        self._peppers = _decoded((each.account_id, each.pepper) for each in accounts)
        self._wrapping_keys = _decoded((each.account_id, each.wrapping_key) for each in accounts)
        self._access_tokens = {each.connection_id: each.access_token for each in answer.connections}


def fetch_from(directory: InternalClient, service: str) -> Fetch:
    """Ask directory for what `service` may know."""

    async def fetch() -> Answer:
        return await directory.get(_PATH, account=None, principal=service)

    return fetch


async def fetched(settings: CommonSettings, service: str) -> SecretsClient:
    """The secrets of `service`, asked for once; raises SecretsRefusedError, UnreachableError."""
    calls = InternalClients(TokenSigner(service, settings.keys_dir))
    try:
        secrets = SecretsClient(fetch_from(calls.to("directory", settings.directory_urls), service))
        await secrets.refresh(Heartbeat())
    finally:
        await calls.close()
    return secrets


async def own_key(settings: CommonSettings, service: str) -> bytes:
    """The key of `service`; raises as `fetched` does."""
    return (await fetched(settings, service)).own_key


def _decoded(encoded: Iterable[tuple[UUID, str | None]]) -> Mapping[UUID, bytes]:
    return {account: base64.b64decode(one) for account, one in encoded if one is not None}
