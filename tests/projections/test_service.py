"""The whole service: every model follows Kafka, readers see the one that the pointer names."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from aiokafka.admin import AIOKafkaAdminClient
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from services.projections.adapters.consumer_groups import forget_group, group_of
from services.projections.app import build_app
from services.projections.domain.events import Event
from services.projections.settings import Settings
from services.projections.storage import checkpoints
from services.projections.storage import models as catalog
from shared.contracts import tickets as published
from shared.contracts.topics import INBOX_CHANGES, TICKETS_EVENTS
from shared.plumbing.kafka import Outgoing
from shared.plumbing.tokens import TokenSigner
from tests.projections import stories
from tests.projections.rebuilding import Models, beside
from tests.projections.stories import ACCOUNT, Customer, Log
from tests.support.stack import Kafka, Postgres
from tests.support.waiting import until
from tests.wire.support import create_topics, publish

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Service:
    """The running service, and how it is asked."""

    settings: Settings
    made: Models
    log: Log
    http: AsyncClient
    headers: dict[str, str]

    async def hears(self, who: Customer) -> None:
        """A customer writes; tickets tells it on Kafka."""
        told = len(self.log.events)
        stories.arrives(self.log, who)
        await publish(self.settings, [_outgoing(self.log, e) for e in self.log.events[told:]])

    async def waiting(self) -> list[UUID]:
        """Who waits, after everything that was heard."""
        last = {event.partition: event.position for event in self.log.events}
        query = {
            "scope": {"agent_id": None, "sector_ids": None},
            "view": "aguardando",
            "min_position": ",".join(last.values()),
            "limit": 200,
        }
        answer = await self.http.post(
            "/internal/views/query", json=query, headers=self.headers, timeout=SECONDS
        )
        assert answer.status_code == 200, answer.text
        return [UUID(item["id"]) for item in answer.json()["items"]]

    async def follows(self, *numbers: int) -> None:
        """Return when exactly these models are where the log ends."""
        wanted = {event.partition: event.log_id for event in self.log.events}

        async def asked() -> bool:
            found = [model.number for model in await catalog.models(self.made.conn)]
            if found != list(numbers):
                return False
            reached = [await checkpoints.of_model(self.made.conn, number) for number in numbers]
            return all(each[p].log_id >= id_ for each in reached for p, id_ in wanted.items())

        await until(asked)


@asynccontextmanager
async def service(
    postgres: Postgres, kafka: Kafka, prefix: str, keys_dir: Path, log: Log
) -> AsyncGenerator[Service]:
    async with beside(postgres, keys_dir, log) as made:
        settings = Settings(
            kafka_bootstrap_servers=kafka.bootstrap,
            kafka_prefix=prefix,
            keys_dir=keys_dir,
            database_url=made.url,
            tickets_urls=(made.others,),
            directory_urls=(made.others,),
            wait_seconds=SECONDS,
        )
        await create_topics(settings, TICKETS_EVENTS.name, INBOX_CHANGES.name)
        app = build_app(settings)
        signer = TokenSigner("gateway", keys_dir)
        headers = {
            "Authorization": f"Bearer {signer.sign('projections', account=ACCOUNT, principal='a')}"
        }
        transport = ASGITransport(app=app)
        async with running(app), AsyncClient(transport=transport, base_url="http://p") as http:

            async def ready() -> bool:
                return (await http.get("/ready")).status_code == 200

            await until(ready)
            yield Service(settings, made, log, http, headers)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncGenerator[None]:
    async with app.router.lifespan_context(app):
        yield


def _outgoing(log: Log, event: Event) -> Outgoing:
    message = event.message or published.Internal()
    key = str(log.contacts[event.stream]).encode()
    return Outgoing(TICKETS_EVENTS.name, key, stories.envelope_of(event), message.body())


def tickets(customers: Sequence[Customer]) -> set[UUID]:
    return {who.ticket() for who in customers}


async def test_a_rebuilt_model_follows_kafka_is_switched_to_and_from_and_dropped(
    postgres: Postgres, kafka: Kafka, kafka_prefix: str, keys_dir: Path
) -> None:
    log = Log()
    everyone = [Customer(number) for number in range(7)]
    for who in everyone[:3]:
        stories.arrives(log, who)
    async with service(postgres, kafka, kafka_prefix, keys_dir, log) as running_service:
        made = running_service.made
        await running_service.hears(everyone[3])
        assert {*await running_service.waiting()} == tickets(everyone[:4])
        assert await made.rebuilt() == 2
        await running_service.hears(everyone[4])
        await running_service.follows(1, 2)
        await made.switched(2, SECONDS)
        await running_service.hears(everyone[5])
        assert {*await running_service.waiting()} == tickets(everyone[:6])
        await running_service.follows(1, 2)
        assert all(found.same for found in await made.compared(1))
        await made.switched(1, SECONDS)
        async with made.conn.transaction():
            await catalog.drop(made.conn, 2)
        await running_service.hears(everyone[6])
        assert {*await running_service.waiting()} == tickets(everyone)
        await running_service.follows(1)
        settings = running_service.settings
        assert {group_of(settings, 1), group_of(settings, 2)} <= await known(settings)
        await forget_group(settings, group_of(settings, 2), seconds=SECONDS)
        assert group_of(settings, 2) not in await known(settings)


@pytest.mark.parametrize("wrong", [timedelta(minutes=10), -timedelta(minutes=10)])
async def test_a_clock_that_is_wrong_skips_nothing_of_kafka(
    postgres: Postgres, kafka: Kafka, kafka_prefix: str, keys_dir: Path, wrong: timedelta
) -> None:
    """Records have the time of the relay's machine, which may be ten minutes slow, too."""
    with time_machine.travel(datetime.now(UTC) + wrong):
        async with service(postgres, kafka, kafka_prefix, keys_dir, Log()) as running_service:
            conn = running_service.made.conn
            reached = await checkpoints.of_model(conn, 1)
            row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    for each in reached.values():
        assert each.follow_from is not None
        age = row[0] - each.follow_from
        assert timedelta(minutes=10) < age < timedelta(minutes=20)


async def known(settings: Settings) -> set[str]:
    """The groups that Kafka has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    found = [name for name, *_ in await admin.list_consumer_groups()]
    await admin.close()
    return set(found)
