"""What the handler needs of the world around it."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from services.ingest.domain.routing import Connections
from services.ingest.domain.signature import App
from shared.plumbing.kafka import Outgoing


class Directory(Protocol):
    """What directory told this process."""

    @property
    def apps(self) -> Sequence[App]:
        """Apps whose webhooks are taken."""
        ...

    @property
    def connections(self) -> Connections:
        """Business numbers."""
        ...

    @property
    def own_key(self) -> bytes:
        """This service's own key: names what belongs to no account."""
        ...

    def pepper(self, account_id: UUID) -> bytes:
        """The account's pepper; raises SecretMissingError: Meta's next attempt finds it."""
        ...


class Publisher(Protocol):
    """Kafka, with a deadline of its own."""

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when ALL are acknowledged; else raises NotAcknowledgedError."""
        ...


class NotAcknowledgedError(Exception):
    """Not all items are on Kafka: the webhook must come again."""

    code = "unavailable"


class UnstorableError(Exception):
    """An item is too large for a topic even when packed."""

    code = "body_too_large"
