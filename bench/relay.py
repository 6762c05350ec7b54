"""The relay: read, unseal, translate, produce, store the position, against bare aiokafka.

Floor: an aiokafka producer (acks=all, idempotent) that sends the same keys, headers and bodies,
which lie ready in memory. Ours: `Relay.step` over the real store, from the first event to the head.
Both in one process, in turns. Kafka: KAFKA_BOOTSTRAP_SERVERS; the topics are of this run.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import UUID, uuid4, uuid5

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.harness import Row, in_turns, middle, run_on_database
from services.tickets.adapters.positions import Position, RelayPosition
from services.tickets.adapters.relay import BATCH, Relay, translated
from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued, MessageReceived
from services.tickets.domain.message.events import MessageDelivered
from services.tickets.domain.people import Author, Recipient, Sender
from services.tickets.settings import Settings
from services.tickets.storage.contract import Command, Expectation, Meta, Stream
from services.tickets.storage.event_database import EventDatabase
from shared.contracts.topics import OUTBOUND_COMMANDS, TICKETS_EVENTS
from shared.plumbing.kafka import Outgoing, Producer, to_headers
from shared.plumbing.loops import Lease

BAR = 0.3
CONTACTS, EACH, ROUNDS = 400, 30, 4
ACCOUNT, CONNECTION = UUID(int=1), UUID(int=2)
AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
TEXT = "Bom dia! Gostaria de saber se o pedido que fiz na semana passada já saiu para entrega."


def said(contact: UUID, number: int) -> tuple[object, object, object]:
    """A customer's message, our answer to it, and what became of that."""
    conversation, ticket = uuid5(contact, "conversation"), uuid5(contact, "ticket")
    received = MessageReceived(
        conversation_id=conversation,
        contact_id=contact,
        connection_id=CONNECTION,
        ticket_id=ticket,
        occurred_at=AT,
        window_closes_at=AT + timedelta(hours=24),
        message_id=uuid4(),
        wamid_hash="ab" * 32,
        content=Content("text", f"{TEXT} {number}"),
        sender=Sender(phone="5511987654321", name="Ana Souza"),
        wamid="wamid.HBgNNTUxMTk4NzY1NDMyMRUCABIYFjNFQjBENzU0",
        raw='{"from":"5511987654321","id":"wamid.HBgN","type":"text","text":{"body":"Bom dia!"}}',
    )
    answer = MessageQueued(
        conversation_id=conversation,
        contact_id=contact,
        connection_id=CONNECTION,
        ticket_id=ticket,
        occurred_at=AT,
        window_closes_at=AT + timedelta(hours=24),
        message_id=uuid4(),
        author=Author("agent", UUID(int=3)),
        content=Content("text", f"{TEXT} {number}"),
        recipient=Recipient(phone="5511987654321"),
    )
    return received, answer, MessageDelivered(message_id=answer.message_id, occurred_at=AT)


async def fill(database: EventDatabase) -> None:
    """The log of CONTACTS conversations."""
    contacts = [uuid4() for _ in range(CONTACTS)]
    for number in range(EACH // 3):
        await asyncio.gather(
            *(database.store.append(a_command(contact, number)) for contact in contacts)
        )


def a_command(contact: UUID, number: int) -> Command:
    received, answer, fate = said(contact, number)
    stream = Stream(uuid5(contact, "conversation"), contact)
    message = Stream(uuid4(), contact)
    return Command(
        account=ACCOUNT,
        meta=Meta(AT, "agent:3", uuid4(), "bench"),
        expectations=(
            Expectation(stream, number * 2, (received, answer)),
            Expectation(message, 0, (fate,)),
        ),
        seal_for=contact,
    )


async def everything(database: EventDatabase) -> list[Outgoing]:
    """What the relay will produce."""
    found: list[Outgoing] = []
    after = 0
    while events := await database.store.log(after, BATCH):
        found.extend(await translated(events, 1))
        after = events[-1].log_id
    return found


async def bare(producer: AIOKafkaProducer, settings: Settings, ready: Sequence[Outgoing]) -> float:
    """Messages per second of the floor."""
    prepared = [(settings.topic(m.topic), m.body, m.key, to_headers(m.envelope)) for m in ready]
    started = perf_counter()
    for first in range(0, len(prepared), BATCH):
        waiting = [
            await producer.send(topic, body, key, headers=headers)
            for topic, body, key, headers in prepared[first : first + BATCH]
        ]
        await asyncio.gather(*waiting)
    return len(prepared) / (perf_counter() - started)


async def relayed(relay: Relay, position: RelayPosition, head: int, messages: int) -> float:
    """Messages per second of the relay, from the first event to the head."""
    at = await position.read()
    start = Position(1, 0)
    await position.move(at, start)
    started = perf_counter()
    while start.log_id < head:
        start, _ = await relay.step(start, 1)
    return messages / (perf_counter() - started)


@asynccontextmanager
async def topics(settings: Settings) -> AsyncGenerator[None]:
    """The two topics that the relay writes, for the time of the run."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    both = (TICKETS_EVENTS, OUTBOUND_COMMANDS)
    await admin.create_topics([NewTopic(settings.topic(t.name), t.partitions, 1) for t in both])
    try:
        yield
    finally:
        await admin.delete_topics([settings.topic(t.name) for t in both])
        await admin.close()


async def wrapping_key(_: UUID) -> bytes:
    return b"w" * 32


async def measure(url: str) -> Sequence[Row]:
    settings = Settings(
        kafka_bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        kafka_prefix=f"bench-{uuid4().hex[:8]}.",
        database_url=url,
        instance="bench",
    )
    database, producer = EventDatabase(url, wrapping_key), Producer(settings)
    await database.open()
    async with topics(settings):
        floor = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=256 * 1024,
        )
        await floor.start()
        await producer.start()
        await fill(database)
        ready, head = await everything(database), await database.store.head()
        position = RelayPosition(database.pool)
        lease = Lease(database.pool, "relay", "bench", 10.0)
        relay = Relay(
            database.store,
            producer,
            position,
            lease,
            wake=asyncio.Event(),
            lease_seconds=10.0,
            poll_seconds=0.1,
        )
        floors, ours = await in_turns(
            ROUNDS,
            lambda: bare(floor, settings, ready),
            lambda: relayed(relay, position, head, len(ready)),
        )
        await floor.stop()
        await producer.stop()
    await database.close()
    return [Row("relay, messages/s", middle(floors), middle(ours), BAR)]


if __name__ == "__main__":
    run_on_database(measure)
