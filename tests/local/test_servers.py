"""The servers keep what was acknowledged, whatever dies, and leave nothing behind."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.places import Places
from deploy.local.process import end_leftovers
from deploy.local.servers import Servers, start_servers
from shared.plumbing.kafka import Producer
from shared.plumbing.settings import CommonSettings
from tests.local.support import processes_of
from tests.support.stack import scratch_places
from tests.support.waiting import block_until
from tests.wire.support import TOPIC, create_topics, everything, message

_PARENT = """
import signal, sys
from pathlib import Path
from deploy.local.places import Places
from deploy.local.servers import start_servers
started = start_servers(Places(Path(sys.argv[1])))
started.wait()
print("ready", flush=True)
signal.pause()  # until the test ends it
"""


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    with scratch_places() as made:
        yield made
        end_leftovers(made)


@pytest.fixture
def servers(places: Places) -> Iterator[Servers]:
    started = start_servers(places)
    started.wait()
    yield started
    started.discard()


def test_postgres_comes_back_with_its_data_after_kill_9(servers: Servers) -> None:
    with psycopg.connect(servers.database_url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    servers.children["postgres"].kill()
    servers.children["postgres"].start()
    servers.wait()

    with psycopg.connect(servers.database_url) as conn:
        assert conn.execute("SELECT answer FROM kept").fetchone() == (42,)


async def test_kafka_comes_back_with_its_records_after_kill_9(servers: Servers) -> None:
    settings = CommonSettings(kafka_bootstrap_servers=servers.bootstrap)
    await create_topics(settings, TOPIC)
    producer = Producer(settings)
    await producer.start()
    await producer.send_all([message(b"key", number) for number in range(50)])

    servers.children["kafka"].kill()
    servers.children["kafka"].start()
    await asyncio.to_thread(servers.wait)

    assert len(await everything(settings, TOPIC)) == 50
    await producer.stop()


def test_a_stop_leaves_the_process_table_as_it_was(places: Places) -> None:
    started = start_servers(places)
    started.wait()
    assert len(processes_of(places.run)) > 2

    started.stop()

    assert processes_of(places.run) == {}
    assert list(places.run.glob("*.pid")) == []


def test_a_parent_that_dies_badly_leaves_nothing(places: Places) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(places.run)], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    assert len(processes_of(places.run)) > 2

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    block_until(lambda: processes_of(places.run) == {})


def test_the_next_start_ends_what_an_earlier_one_left(places: Places) -> None:
    places.make()
    left = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"],
        env={"GUICHE_RUN": str(places.run)},
        start_new_session=True,
    )
    block_until(lambda: left.pid in processes_of(places.run))
    stranger = Places(Path(f"{places.run}-of-somebody-else"))

    assert end_leftovers(stranger) == []
    assert end_leftovers(places) == [left.pid]

    assert left.wait() == -signal.SIGTERM
