"""Operators' verbs of ingest: items that belong to no account."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

import typer
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.ingest.handlers.outgoing import unpacked
from services.ingest.settings import Settings
from shared.contracts.inbound import DeadItem
from shared.contracts.topics import INGEST_DEAD, MAX_MESSAGE_BYTES
from shared.plumbing.cli_output import Json, Row, show_rows

app = typer.Typer(name="ingest", help="The front door.", no_args_is_help=True)
dead = typer.Typer(help="Items that belong to nobody.", no_args_is_help=True)
app.add_typer(dead, name="dead")

Place = tuple[int, int]  # partition, offset
_DEAD_LINE: Final = "{place}  {received_at:%Y-%m-%d %H:%M:%S}  {reason}  {phone_number_id}"


@dead.command("list")
def list_dead(
    limit: Annotated[int, typer.Option(min=1, help="The newest N.")] = 50, *, as_json: Json = False
) -> None:
    """Where each stands, when it came, why it is dead, and its number at Meta."""
    found = asyncio.run(_newest(Settings(), limit))
    show_rows(
        [_dead_row(place, item) for place, item in found], _DEAD_LINE.format_map, as_json=as_json
    )


def _dead_row(place: Place, item: DeadItem) -> Row:
    """Without what the item says: it may be personal."""
    return {
        "place": f"{place[0]}-{place[1]}",
        "received_at": item.received_at,
        "reason": item.reason,
        "phone_number_id": item.phone_number_id or "-",
    }


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
