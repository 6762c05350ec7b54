"""HMACs under an account's pepper of what contains a phone number (D3)."""

from uuid import UUID

from shared.plumbing.secrets_client import SecretsClient


class Hashes:
    """`handlers.ports.Hashes`."""

    def __init__(self, secrets: SecretsClient) -> None:
        self._secrets = secrets

    def wamid(self, account_id: UUID, connection_id: UUID, wamid: str) -> bytes:
        """The HMAC of a wamid; raises SecretMissingError."""
        return self._secrets.hashed(account_id, str(connection_id), wamid)

    def identity(self, account_id: UUID, connection_id: UUID, identity: str) -> bytes:
        """The HMAC of a customer's phone or user id; raises SecretMissingError."""
        return self._secrets.hashed(account_id, "window", str(connection_id), identity)
