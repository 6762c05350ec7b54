"""A company's set-up, and the messages in which its services hear of it."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from shared.contracts.directory import AgentChanged, ConnectionChanged
from shared.contracts.envelope import Envelope, Message
from shared.plumbing.kafka.messages import Outgoing, Received


def a_connection(account: UUID, connection: UUID, **changed: object) -> ConnectionChanged:
    """A business number at an address where nobody listens."""
    usual: dict[str, object] = {
        "name": "Principal",
        "waba_id": "500",
        "phone_number_id": "100200300",
        "display_phone": "551140000000",
        "graph_url": "http://127.0.0.1:1/v26.0",
    }
    return ConnectionChanged.model_validate(
        {"id": connection, "account_id": account, **usual, **changed}
    )


def an_agent(account: UUID, agent: UUID, name: str, *sectors: UUID) -> AgentChanged:
    """Somebody who answers in these sectors."""
    return AgentChanged(
        id=agent, account_id=account, name=name, roles=["agent"], sector_ids=list(sectors)
    )


def envelope_of(
    message: Message, *, account: UUID | None = None, at: datetime | None = None
) -> Envelope:
    """Headers as our services write them."""
    return Envelope(
        id=str(uuid4()),
        type=message.TYPE,
        source="tests",
        time=at or datetime.now(UTC),
        account=account,
    )


def outgoing(
    topic: str, key: UUID | bytes, message: Message, account: UUID | None = None
) -> Outgoing:
    """A message to publish."""
    return Outgoing(topic, _bytes(key), envelope_of(message, account=account), message.body())


def received(
    topic: str,
    message: Message,
    key: UUID | bytes = b"k",
    *,
    account: UUID | None = None,
    at: datetime | None = None,
    partition: int = 0,
    offset: int = 0,
) -> Received:
    """A message as a consumer gets it."""
    envelope = envelope_of(message, account=account, at=at)
    return Received(topic, partition, offset, _bytes(key), envelope, message.body(), 0)


def _bytes(key: UUID | bytes) -> bytes:
    return key if isinstance(key, bytes) else str(key).encode()
