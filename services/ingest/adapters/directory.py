"""Which business numbers are there? directory.events, read whole (protocols.md 4)."""

from services.ingest.domain.routing import Connection, Connections
from shared.contracts.directory import ConnectionChanged
from shared.plumbing.kafka import Received


class ConnectionBook:
    """The connections by what directory last said of each."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Connection] = {}
        self.connections = Connections()

    def on_message(self, received: Received) -> None:
        """Take one message; a tombstone ends a connection. Paused numbers stay: nothing is lost."""
        if not received.body:
            if self._by_key.pop(received.key, None) is None:
                return
        elif received.envelope.type == ConnectionChanged.TYPE:
            self._by_key[received.key] = _connection(ConnectionChanged.read(received.body))
        else:
            return
        self.connections = Connections(self._by_key.values())


def _connection(changed: ConnectionChanged) -> Connection:
    return Connection(
        id=changed.id,
        account_id=changed.account_id,
        phone_number_id=changed.phone_number_id,
        waba_id=changed.waba_id,
        display_phone=changed.display_phone,
    )
