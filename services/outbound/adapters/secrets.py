"""Which secrets does outbound need? Its own key, tokens, peppers: in memory only (D9)."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from uuid import UUID

from services.outbound.handlers.ports import PepperMissingError
from shared.contracts.internal_api import SecretsAnswer
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.loops import Heartbeat
from shared.plumbing.sealing import hmac_key

Fetch = Callable[[], Awaitable[Answer]]


class SecretsRefusedError(Exception):
    """directory answered, but not with secrets."""


class Secrets:
    """The secrets as directory last told them; they stay when directory is away."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._peppers: Mapping[UUID, bytes] = {}
        self._tokens: Mapping[UUID, str] = {}
        self.own_key = b""
        self.wanted = asyncio.Event()

    async def refresh(self, beat: Heartbeat) -> None:
        """A body for Loops, each minute, and at once when `wanted`."""
        beat.beat()
        answer = await self._fetch()
        if answer.status != HTTPStatus.OK:
            raise SecretsRefusedError(answer.status)
        self._take(SecretsAnswer.model_validate_json(answer.body))

    def token(self, connection_id: UUID) -> str | None:
        """The token with which a number sends; asks directory again when it is missing."""
        found = self._tokens.get(connection_id)
        if found is None:
            self.wanted.set()
        return found

    def wamid(self, account_id: UUID, connection_id: UUID, wamid: str) -> bytes:
        """The HMAC of a wamid; raises PepperMissingError."""
        return hmac_key(self._pepper(account_id), str(connection_id), wamid)

    def identity(self, account_id: UUID, connection_id: UUID, identity: str) -> bytes:
        """The HMAC of a customer's name; raises PepperMissingError."""
        return hmac_key(self._pepper(account_id), "window", str(connection_id), identity)

    def _pepper(self, account_id: UUID) -> bytes:
        found = self._peppers.get(account_id)
        if found is None:
            self.wanted.set()
            raise PepperMissingError
        return found

    def _take(self, answer: SecretsAnswer) -> None:
        self.own_key = base64.b64decode(answer.service_key)
        self._tokens = {each.connection_id: each.access_token for each in answer.connections}
        self._peppers = {
            account.account_id: base64.b64decode(account.pepper)
            for account in answer.accounts
            if account.pepper is not None
        }


def fetch_from(client: InternalClient) -> Fetch:
    """Ask directory for what outbound may know."""

    async def fetch() -> Answer:
        return await client.get("/internal/secrets", account=None, principal="outbound")

    return fetch
