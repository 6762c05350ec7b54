"""How does Apache Kafka run as one local process, broker and controller in one? (broker.md 2)."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.jars import kafka_jars
from deploy.local.java import find_java
from deploy.local.places import Places
from deploy.local.ports import LOOPBACK
from deploy.local.process import ProcessSpec

_CLUSTER: Final = "Z3VpY2hlLWxvY2FsLWthZg"  # 16 bytes in base64; any will do
_TEMPLATE: Final = Path(__file__).with_name("server.properties")
_JVM: Final = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


class KafkaSilentError(Exception):
    """The broker did not answer in time; its log tells why."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(f"Kafka does not answer at {bootstrap}; `.run/logs/kafka.log` says why")


def prepare_kafka(places: Places, port: int, controller_port: int) -> ProcessSpec:
    """Format the data folder when it is new, and say how to start."""
    folder = places.run / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    data = folder / "data"
    properties.write_text(_properties(data, port, controller_port))
    java = (find_java(), *_JVM, "-cp", f"{kafka_jars()}/*")
    _format(java, properties, folder)
    return ProcessSpec(
        name="kafka",
        argv=(*java, "kafka.Kafka", str(properties)),
        environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        folder=folder,
        orphan_signal=signal.SIGTERM,
    )


def wait_for_kafka(bootstrap: str, seconds: float = 60.0) -> None:
    """Return as soon as the cluster answers; raises KafkaSilentError."""
    asyncio.run(_answers(bootstrap, seconds))


def _properties(data: Path, port: int, controller_port: int) -> str:
    return (
        _TEMPLATE.read_text()
        .replace("@HOST@", LOOPBACK)
        .replace("@CONTROLLER_PORT@", str(controller_port))
        .replace("@BROKER_PORT@", str(port))
        .replace("@DATA@", str(data))
    )


def _format(java: tuple[str, ...], properties: Path, folder: Path) -> None:
    done = folder / "formatted"
    if done.exists():
        return
    subprocess.run(
        [
            *(*java, "kafka.tools.StorageTool", "format", "--standalone", "-g"),
            *("-t", _CLUSTER, "-c", str(properties)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    done.touch()


async def _answers(bootstrap: str, seconds: float) -> None:
    deadline = monotonic() + seconds
    while not await _answered(bootstrap):
        if monotonic() > deadline:
            raise KafkaSilentError(bootstrap)
        await asyncio.sleep(0.1)


async def _answered(bootstrap: str) -> bool:
    if not await _listens(bootstrap):
        return False
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2_000)
    try:
        async with asyncio.timeout(5):
            await admin.start()
            await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
    return True


async def _listens(bootstrap: str) -> bool:
    host, _, port = bootstrap.partition(",")[0].rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
