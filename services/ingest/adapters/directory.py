"""What directory told this process: numbers by topic, apps and keys by HTTP (protocols.md 4)."""

from collections.abc import Sequence
from uuid import UUID

from services.ingest.domain.routing import Connection, Connections
from services.ingest.domain.signature import App
from shared.contracts.directory import ConnectionChanged
from shared.contracts.internal_api import AppSecrets
from shared.plumbing.entities import Entities, EntityTable
from shared.plumbing.secrets_client import SecretsClient


class Directory(EntityTable):
    """`handlers.ports.Directory`."""

    def __init__(self, secrets: SecretsClient) -> None:
        super().__init__()
        self._secrets = secrets
        self._apps: tuple[Sequence[AppSecrets], Sequence[App]] = ((), ())
        self._routed: tuple[Entities | None, Connections] = (None, Connections())

    @property
    def connections(self) -> Connections:
        """Every business number, also paused ones: what customers write to them is kept."""
        entities, connections = self._routed
        if entities is not self.entities:
            entities = self.entities
            connections = Connections(map(_connection, entities.all(ConnectionChanged)))
            self._routed = entities, connections
        return connections

    @property
    def apps(self) -> Sequence[App]:
        """Apps whose webhooks are taken."""
        told, apps = self._apps
        if told is not self._secrets.apps:
            told = self._secrets.apps
            apps = tuple(map(_app, told))
            self._apps = told, apps
        return apps

    @property
    def verify_tokens(self) -> Sequence[bytes]:
        """What Meta shows at the handshake, one for each app."""
        return [app.verify_token.encode() for app in self._secrets.apps]

    @property
    def own_key(self) -> bytes:
        """This service's own key."""
        return self._secrets.own_key

    def pepper(self, account_id: UUID) -> bytes:
        """The account's pepper; raises SecretMissingError."""
        return self._secrets.pepper(account_id)


def _connection(changed: ConnectionChanged) -> Connection:
    return Connection(
        id=changed.id,
        account_id=changed.account_id,
        phone_number_id=changed.phone_number_id,
        waba_id=changed.waba_id,
        display_phone=changed.display_phone,
    )


def _app(app: AppSecrets) -> App:
    return App(
        id=app.app_id,
        account_id=app.account_id,
        secrets=tuple(secret.encode() for secret in app.app_secrets if secret),
        waba_ids=frozenset(app.waba_ids),
    )
