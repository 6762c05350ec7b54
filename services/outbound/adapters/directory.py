"""Which business numbers may send? directory.events, read whole, and their tokens."""

from collections.abc import Sequence
from uuid import UUID

from services.outbound.handlers.ports import Number
from shared.contracts.directory import ConnectionChanged
from shared.plumbing.kafka import Received
from shared.plumbing.secrets_client import SecretsClient


class NumberBook:
    """The connections by what directory last said of each; rows of a paused number wait."""

    def __init__(self, secrets: SecretsClient) -> None:
        self._secrets = secrets
        self._by_key: dict[bytes, ConnectionChanged] = {}
        self._by_id: dict[UUID, ConnectionChanged] = {}

    def on_message(self, received: Received) -> None:
        """Take one message; a tombstone ends a connection."""
        if not received.body:
            self._by_key.pop(received.key, None)
        elif received.envelope.type == ConnectionChanged.TYPE:
            self._by_key[received.key] = ConnectionChanged.read(received.body)
        self._by_id = {each.id: each for each in self._by_key.values() if each.active}

    def ready(self) -> Sequence[UUID]:
        """Connections that are active and have a token."""
        return [id_ for id_ in self._by_id if self._secrets.access_token(id_) is not None]

    def get(self, connection_id: UUID) -> Number | None:
        """The number of a connection, if it is ready."""
        found = self._by_id.get(connection_id)
        token = self._secrets.access_token(connection_id)
        if found is None or token is None:
            return None
        return Number(f"{found.graph_url.rstrip('/')}/{found.phone_number_id}", token)
