"""Kafka and directory as a test steers them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.ingest.domain.routing import Connections
from services.ingest.domain.signature import App
from services.ingest.handlers.ports import NotAcknowledgedError
from shared.contracts.envelope import Message
from shared.contracts.inbound import DEAD_TYPES, INBOUND_TYPES
from shared.plumbing.kafka import Outgoing
from shared.plumbing.secrets_client import SecretMissingError
from tests.ingest.samples import ACCOUNT, APP, OTHER_ACCOUNT, OURS, PEPPER, THEIRS


@dataclass
class FakeKafka:
    """Keeps what was published, unless it is away."""

    away: bool = False
    messages: list[Outgoing] = field(default_factory=list)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if self.away:
            raise NotAcknowledgedError
        self.messages += messages

    def on(self, topic: str) -> list[Message]:
        types = {**INBOUND_TYPES, **DEAD_TYPES}
        return [types[m.envelope.type].read(m.body) for m in self.messages if m.topic == topic]


@dataclass
class FakeDirectory:
    """Two accounts with a number each; the app is the first one's."""

    apps: Sequence[App] = (APP,)
    connections: Connections = field(default_factory=lambda: Connections([OURS, THEIRS]))
    own_key: bytes = b"k" * 32
    peppers: dict[UUID, bytes] = field(
        default_factory=lambda: {ACCOUNT: PEPPER, OTHER_ACCOUNT: PEPPER}
    )
    verify_tokens: Sequence[bytes] = (b"verify me",)

    def pepper(self, account_id: UUID) -> bytes:
        if account_id not in self.peppers:
            raise SecretMissingError
        return self.peppers[account_id]
