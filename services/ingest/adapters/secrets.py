"""Which secrets does ingest need? Fetched from directory, kept in memory, never written (D9)."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from uuid import UUID

from services.ingest.domain.signature import App
from services.ingest.handlers.ports import PepperMissingError
from shared.contracts.internal_api import AppSecrets, SecretsAnswer
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.loops import Heartbeat

Fetch = Callable[[], Awaitable[Answer]]


class SecretsRefusedError(Exception):
    """directory answered, but not with secrets."""


class Secrets:
    """The secrets as directory last told them; they stay when directory is away."""

    def __init__(self, fetch: Fetch, on_ready: Callable[[], None]) -> None:
        self._fetch = fetch
        self._on_ready = on_ready
        self._peppers: Mapping[UUID, bytes] = {}
        self.apps: Sequence[App] = ()
        self.verify_tokens: Sequence[bytes] = ()
        self.own_key = b""
        self.wanted = asyncio.Event()

    async def refresh(self, beat: Heartbeat) -> None:
        """A body for Loops, each minute, and at once when `wanted`."""
        beat.beat()
        answer = await self._fetch()
        if answer.status != HTTPStatus.OK:
            raise SecretsRefusedError(answer.status)
        self._take(SecretsAnswer.model_validate_json(answer.body))
        self._on_ready()

    def pepper(self, account_id: UUID) -> bytes:
        """The account's pepper; asks directory again when it is missing."""
        found = self._peppers.get(account_id)
        if found is None:
            self.wanted.set()
            raise PepperMissingError
        return found

    def _take(self, answer: SecretsAnswer) -> None:
        self.own_key = base64.b64decode(answer.service_key)
        self.apps = tuple(_app(app) for app in answer.apps)
        self.verify_tokens = tuple(app.verify_token.encode() for app in answer.apps)
        self._peppers = {
            account.account_id: base64.b64decode(account.pepper)
            for account in answer.accounts
            if account.pepper is not None
        }


def fetch_from(client: InternalClient) -> Fetch:
    """Ask directory for what ingest may know."""

    async def fetch() -> Answer:
        return await client.get("/internal/secrets", account=None, principal="ingest")

    return fetch


def _app(app: AppSecrets) -> App:
    return App(
        id=app.app_id,
        account_id=app.account_id,
        secrets=tuple(secret.encode() for secret in app.app_secrets if secret),
        waba_ids=frozenset(app.waba_ids),
    )
