"""How is tickets.events followed? aiokafka's own consumer, from offsets kept with the rows."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from time import time
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from services.projections.adapters import store
from services.projections.adapters.catching_up import CatchingUp
from services.projections.adapters.reading import from_topic
from services.projections.domain.events import Event
from services.projections.handlers.ports import Place
from services.projections.handlers.project import EpochRaisedError, Project
from services.projections.settings import Settings
from shared.contracts.topics import MAX_MESSAGE_BYTES, TICKETS_EVENTS
from shared.plumbing import logs, metrics
from shared.plumbing.kafka.consumption import read
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool

_lag = metrics.gauge("projection_lag_seconds", "Age of the newest folded event when it was folded")
_log = logs.get(__name__)

_SESSION_MS: Final = 6_000
_WAIT_SECONDS: Final = 0.5


class BehindKafkaError(Exception):
    """Our place is older than Kafka's oldest record: the feed must fill the hole."""


class Follower:
    """Feed first, then Kafka from our own offsets."""

    def __init__(
        self, settings: Settings, pool: Pool, project: Project, catching_up: CatchingUp
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._project = project
        self._catching_up = catching_up
        self.ready = asyncio.Event()

    async def run(self, beat: Heartbeat) -> None:
        """A body for Loops; returns when the feed is needed again."""
        while not await self._catching_up.ready():
            if not await self._catching_up.run(beat):
                beat.beat()
                await asyncio.sleep(_WAIT_SECONDS)
        consumer = _consumer(self._settings)
        places = _Places(self._settings, self._pool, consumer)
        consumer.subscribe([self._settings.topic(TICKETS_EVENTS.name)], listener=places)
        try:
            await consumer.start()
            await self._follow(consumer, places, beat)
        except EpochRaisedError:
            await self._catching_up.forget()
        except BehindKafkaError:
            await self._catching_up.run(beat)
        finally:
            with suppress(KafkaError, OSError):
                await consumer.stop()

    async def _follow(self, consumer: AIOKafkaConsumer, places: "_Places", beat: Heartbeat) -> None:
        while True:
            found = await consumer.getmany(
                timeout_ms=self._settings.poll_milliseconds,
                max_records=self._settings.batch_events,
            )
            if places.behind:
                raise BehindKafkaError
            events = [
                from_topic(received)
                for records in found.values()
                for record in records
                if (received := read(record, TICKETS_EVENTS.name)) is not None
            ]
            if events:
                await self._project.apply(events)
                _lag.set(_age(events))
            self.ready.set()
            beat.beat()


class _Places(ConsumerRebalanceListener):
    """Sets each partition that we are given to where we are in it."""

    def __init__(self, settings: Settings, pool: Pool, consumer: AIOKafkaConsumer) -> None:
        self._settings = settings
        self._pool = pool
        self._consumer = consumer
        self.behind = False

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: what is under way is fenced by the locked position."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Seek to the stored offsets, or to the instant before which the feed was read."""
        parts = list(assigned)
        if not parts:
            return
        async with self._pool.connection() as conn:
            places = await store.places(conn)
        for part, offset in (await self._offsets(parts, places)).items():
            self._consumer.seek(part, offset)

    async def _offsets(
        self, parts: list[TopicPartition], places: dict[int, Place]
    ) -> dict[TopicPartition, int]:
        """Where to read on; three questions in all, for while they last no heartbeat is sent."""
        oldest = await self._consumer.beginning_offsets(parts)
        # the ends before the instants: what arrives between the two questions is read, not skipped
        ends = await self._consumer.end_offsets(parts)
        instants = {
            part: int(place.follow_from.timestamp() * 1000)
            for part in parts
            if (place := places[part.partition]).kafka_offset is None and place.follow_from
        }
        found = await self._consumer.offsets_for_times(instants) if instants else {}
        offsets: dict[TopicPartition, int] = {}
        for part in parts:
            kept = places[part.partition].kafka_offset
            at_instant = found.get(part)
            offset = kept if kept is not None else at_instant.offset if at_instant else ends[part]
            self.behind = self.behind or offset < oldest[part]
            offsets[part] = max(offset, oldest[part])
        return offsets


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        client_id=settings.instance,
        group_id=settings.group("projections"),
        group_instance_id=settings.kafka_prefix + settings.instance,
        session_timeout_ms=_SESSION_MS,
        heartbeat_interval_ms=_SESSION_MS // 3,
        auto_offset_reset="earliest",
        enable_auto_commit=True,  # only for the eyes of operators: we go by our own places
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES + 65_536,
    )


def _age(events: list[Event]) -> float:
    return max(0.0, time() - events[-1].time.timestamp())
