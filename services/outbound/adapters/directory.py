"""Business numbers that may send: active connections with a token."""

from collections.abc import Sequence
from uuid import UUID

from services.outbound.handlers.ports import Number
from shared.contracts.directory import ConnectionChanged
from shared.plumbing.entities import EntityTable
from shared.plumbing.secrets_client import SecretsClient


class NumberTable(EntityTable):
    """Business numbers with their tokens; messages of one that is inactive or has none wait."""

    def __init__(self, secrets: SecretsClient) -> None:
        super().__init__()
        self._secrets = secrets

    def ready(self) -> Sequence[UUID]:
        """Connections that are active and have a token."""
        return [
            each.id
            for each in self.entities.all(ConnectionChanged)
            if each.active and self._secrets.access_token(each.id) is not None
        ]

    def get(self, connection_id: UUID) -> Number | None:
        """The number of a connection, if it is ready."""
        found = self.entities.get(ConnectionChanged, connection_id)
        token = self._secrets.access_token(connection_id)
        if found is None or not found.active or token is None:
            return None
        return Number(f"{found.graph_url.rstrip('/')}/{found.phone_number_id}", token)
