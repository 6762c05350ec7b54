"""Three brokers: everything is there three times, and one of them may die under load."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy import topics
from deploy.local.demo import load_demo
from deploy.local.installation import SIMULATOR, Installation, process_specs
from deploy.local.kafka import wait_for_kafka
from deploy.local.keys import make_keys
from deploy.local.places import Places
from deploy.local.process import Child, end_leftovers
from deploy.local.servers import Servers, start_servers
from deploy.local.topology import Topology, TopologyError, wanted_topology
from shared.contracts.topics import INBOUND_EVENTS, TOPICS
from shared.plumbing.health import Health
from shared.plumbing.kafka import (
    Producer,
    PublishFailedError,
    Received,
    make_broker,
    start_when_ready,
    subscribe,
)
from shared.plumbing.settings import CommonSettings
from tests.support.stack import scratch_places
from tests.support.waiting import until_true
from tests.wire.support import message

THREE = Topology(brokers=3)
WANTED = 300


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "GUICHE_BROKERS", "GUICHE_REPLICAS"):
        monkeypatch.delenv(name, raising=False)
    with scratch_places() as made:
        yield made
        end_leftovers(made)


@pytest.fixture
def cluster(places: Places) -> Iterator[Servers]:
    started = start_servers(places, THREE, durable=False)
    wait_for_kafka(started.bootstrap, brokers=3)
    yield started
    started.discard()


async def test_a_broker_dies_under_load_and_nothing_acknowledged_is_lost(cluster: Servers) -> None:
    settings = CommonSettings(kafka_bootstrap_servers=cluster.bootstrap, instance="test-1")
    await topics.apply(settings)
    assert await _copies(settings) == {3}
    heard: list[int] = []

    async def hear(received: Received) -> None:
        heard.append(int(received.body))

    broker = make_broker(settings, "tests")
    subscribe(
        broker,
        settings,
        topic=INBOUND_EVENTS.name,
        group="tests",
        instance="test-1",
        handle=hear,
        parking=None,
    )
    await start_when_ready(broker, Health())
    acknowledged = await _published_while_dying(settings, cluster.children["kafka-2"])

    await until_true(lambda: set(heard) >= acknowledged, 60)

    assert len(acknowledged) >= WANTED
    await broker.stop()


def test_a_run_folder_keeps_its_number_of_brokers(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUICHE_BROKERS", "3")
    monkeypatch.setenv("GUICHE_REPLICAS", "2")
    assert wanted_topology(places) == Topology(brokers=3, replicas=2)
    monkeypatch.delenv("GUICHE_BROKERS")
    assert wanted_topology(places).brokers == 3
    monkeypatch.setenv("GUICHE_BROKERS", "1")
    with pytest.raises(TopologyError, match="make reset"):
        wanted_topology(places)


@pytest.mark.parametrize("said", ["2", "three", "-1"])
def test_another_number_of_brokers_is_refused(
    places: Places, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("GUICHE_BROKERS", said)
    with pytest.raises(TopologyError, match=f"GUICHE_BROKERS is {said}"):
        wanted_topology(places)


def test_two_of_each_has_two_of_every_service() -> None:
    services = [name.partition("-")[0] for name in Topology(replicas=2).instances]
    assert {services.count(service) for service in services} == {2}


def test_webhooks_are_delivered_to_every_process_of_ingest(places: Places) -> None:
    places.make()
    make_keys(places.keys)
    shape = Topology(replicas=2)
    ports = {name: 20_000 + n for n, name in enumerate((*shape.instances, SIMULATOR))}
    installation = Installation(
        places, ports, "postgresql://h/guiche", "h:1", load_demo(places), shape
    )
    spec = next(spec for spec in process_specs(installation) if spec.name == SIMULATOR)
    doors = [f"{installation.url(name)}/webhooks/whatsapp" for name in ("ingest", "ingest-2")]
    assert spec.environment["GUICHE_WEBHOOK"] == ",".join(doors)
    assert installation.public()["GUICHE_WEBHOOK"] == doors[0]


async def _published_while_dying(settings: CommonSettings, victim: Child) -> set[int]:
    """Numbers that were acknowledged, before, during and after a broker's death."""
    producer = Producer(settings)
    await producer.start()
    acknowledged: set[int] = set()
    number = 0
    while len(acknowledged) < WANTED:
        if len(acknowledged) == WANTED // 3 and victim.alive():
            victim.kill()
        number += 1
        with suppress(PublishFailedError):
            await producer.send_all([message(b"key-%d" % (number % 50), number)])
            acknowledged.add(number)
    victim.start()
    await producer.stop()
    return acknowledged


async def _copies(settings: CommonSettings) -> set[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    described = await admin.describe_topics(list(TOPICS))
    await admin.close()
    return {len(part["replicas"]) for topic in described for part in topic["partitions"]}
