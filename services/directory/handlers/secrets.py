"""Answer a service with the secrets that it needs, and no others (D9, protocols.md 10)."""

import base64
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from services.directory.storage import apps
from services.directory.storage.connection import Connection
from services.directory.storage.vault import Vault
from shared.contracts.internal_api import (
    AccountSecrets,
    AppSecrets,
    ConnectionSecrets,
    SecretsAnswer,
)
from shared.plumbing.postgres import Pool

_PEPPERED: Final = frozenset({"ingest", "tickets", "outbound"})
_KNOWN: Final = frozenset({"ingest", "tickets", "outbound", "bot", "projections", "gateway"})


class UnknownServiceError(Exception):
    """No such service."""


class Secrets:
    """Hands each service its own."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def of(self, service: str) -> SecretsAnswer:
        """The secrets of a service; raises UnknownServiceError."""
        if service not in _KNOWN:
            raise UnknownServiceError
        async with self._pool.connection() as conn:
            return SecretsAnswer(
                service_key=_text(await self._vault.made(conn, "service_key", service)),
                accounts=await self._accounts(conn, service) if service in _PEPPERED else [],
                apps=await self._apps(conn) if service == "ingest" else [],
                connections=await self._connections(conn) if service == "outbound" else [],
            )

    async def _accounts(self, conn: Connection, service: str) -> list[AccountSecrets]:
        peppers = await self._vault.all_of(conn, "pepper")
        keys: Mapping[str, bytes] = {}
        if service == "tickets":
            keys = await self._vault.all_of(conn, "wrapping_key")
        return [
            AccountSecrets(
                account_id=UUID(owner),
                pepper=_text(pepper),
                wrapping_key=_text(keys[owner]) if owner in keys else None,
            )
            for owner, pepper in peppers.items()
        ]

    async def _apps(self, conn: Connection) -> list[AppSecrets]:
        secrets = await self._vault.all_of(conn, "app_secrets")
        verify = await self._vault.all_of(conn, "verify_token")
        return [
            AppSecrets(
                app_id=id_,
                account_id=account_id,
                app_secrets=secrets[id_].decode().split("\n"),
                verify_token=verify[id_].decode(),
                waba_ids=waba_ids,
            )
            for id_, account_id, waba_ids in await apps.everything(conn)
        ]

    async def _connections(self, conn: Connection) -> list[ConnectionSecrets]:
        tokens = await self._vault.all_of(conn, "access_token")
        return [
            ConnectionSecrets(connection_id=UUID(owner), access_token=token.decode())
            for owner, token in tokens.items()
        ]


def _text(secret: bytes) -> str:
    return base64.b64encode(secret).decode()
