"""What ingest knows of directory, as the handler asks for it."""

from collections.abc import Sequence
from uuid import UUID

from services.ingest.adapters.directory import ConnectionBook
from services.ingest.adapters.secrets import Secrets
from services.ingest.domain.routing import Connections
from services.ingest.domain.signature import App


class KnownByDirectory:
    """Secrets by HTTP, connections by topic."""

    def __init__(self, secrets: Secrets, book: ConnectionBook) -> None:
        self._secrets = secrets
        self._book = book

    @property
    def apps(self) -> Sequence[App]:
        """Apps whose webhooks are taken."""
        return self._secrets.apps

    @property
    def connections(self) -> Connections:
        """Business numbers."""
        return self._book.connections

    @property
    def own_key(self) -> bytes:
        """This service's own key."""
        return self._secrets.own_key

    def pepper(self, account_id: UUID) -> bytes:
        """The account's pepper; raises PepperMissingError."""
        return self._secrets.pepper(account_id)
