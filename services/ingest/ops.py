"""What can an operator see of ingest? The items that are nobody's."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.ingest.handlers.outgoing import unpacked
from services.ingest.settings import Settings
from shared.contracts.inbound import DeadItem
from shared.contracts.topics import INGEST_DEAD, MAX_MESSAGE_BYTES

app = typer.Typer(name="ingest", help="The front door.", no_args_is_help=True)
dead = typer.Typer(help="Items that belong to nobody.", no_args_is_help=True)
app.add_typer(dead, name="dead")

Place = tuple[int, int]  # partition, offset


@dead.command("list")
def list_dead(limit: Annotated[int, typer.Option(min=1, help="The newest N.")] = 50) -> None:
    """Where each stands, when it came, why it is dead, and its number at Meta."""
    for (partition, offset), item in asyncio.run(_newest(Settings(), limit)):
        number = item.phone_number_id or "-"
        typer.echo(
            f"{partition}-{offset}  {item.received_at:%Y-%m-%d %H:%M:%S}  {item.reason}  {number}"
        )


@dead.command()
def show(place: Annotated[str, typer.Argument(metavar="PARTITION-OFFSET")]) -> None:
    """The raw JSON of one item: personal data."""
    partition, _, offset = place.partition("-")
    if not (partition.isdigit() and offset.isdigit()):
        message = "PARTITION-OFFSET, as `list` prints it"
        raise typer.BadParameter(message)
    item = asyncio.run(_one(Settings(), (int(partition), int(offset))))
    if item is None:
        typer.echo("not there (any more)", err=True)
        raise typer.Exit(1)
    typer.echo(unpacked(item.raw))


async def _newest(settings: Settings, limit: int) -> list[tuple[Place, DeadItem]]:
    async with _consumer(settings) as consumer:
        parts = consumer.assignment()
        starts, ends = (
            await consumer.beginning_offsets(parts),
            await consumer.end_offsets(parts),
        )
        for part in parts:
            consumer.seek(part, max(starts[part], ends[part] - limit))
        found = [_read(record) async for record in _until(consumer, ends)]
    return sorted(found, key=lambda each: each[1].received_at)[-limit:]


async def _one(settings: Settings, place: Place) -> DeadItem | None:
    async with _consumer(settings) as consumer:
        part = TopicPartition(settings.topic(INGEST_DEAD.name), place[0])
        if part not in consumer.assignment():
            return None
        starts, ends = (
            await consumer.beginning_offsets([part]),
            await consumer.end_offsets([part]),
        )
        if not starts[part] <= place[1] < ends[part]:
            return None
        consumer.assign([part])
        consumer.seek(part, place[1])
        return _read(await consumer.getone())[1]


@asynccontextmanager
async def _consumer(
    settings: Settings,
) -> AsyncGenerator[AIOKafkaConsumer]:
    topic = settings.topic(INGEST_DEAD.name)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        max_partition_fetch_bytes=2 * MAX_MESSAGE_BYTES,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(INGEST_DEAD.partitions)])
        yield consumer
    finally:
        await consumer.stop()


async def _until(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
) -> "AsyncIterator[ConsumerRecord[bytes | None, bytes | None]]":
    while [part for part in ends if await consumer.position(part) < ends[part]]:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                yield record


def _read(record: "ConsumerRecord[bytes | None, bytes | None]") -> tuple[Place, DeadItem]:
    return (record.partition, record.offset), DeadItem.read(record.value or b"")
