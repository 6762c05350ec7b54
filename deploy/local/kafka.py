"""How does Apache Kafka run as local processes, brokers and controllers in one? (broker.md 2)."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
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
    """The cluster did not answer in time; the brokers' logs tell why."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(f"Kafka does not answer at {bootstrap}; `.run/logs/kafka*.log` say why")


@dataclass(frozen=True, slots=True)
class Node:
    """One process of the cluster."""

    name: str
    port: int
    controller_port: int


def prepare_kafka(places: Places, nodes: Sequence[Node]) -> list[ProcessSpec]:
    """Format the data folders that are new, and say how to start each node."""
    java = (find_java(), *_JVM, "-cp", f"{kafka_jars()}/*")
    specs: list[ProcessSpec] = []
    for number, node in enumerate(nodes, start=1):
        folder = places.run / node.name
        folder.mkdir(parents=True, exist_ok=True)
        properties = folder / "server.properties"
        properties.write_text(_properties(folder / "data", number, nodes))
        _format(java, properties, folder, alone=len(nodes) == 1)
        specs.append(_spec(node.name, (*java, "kafka.Kafka", str(properties)), folder))
    return specs


def wait_for_kafka(bootstrap: str, *, brokers: int = 1, seconds: float = 60.0) -> None:
    """Return as soon as the cluster answers with so many brokers; raises KafkaSilentError."""
    asyncio.run(_answers(bootstrap, brokers, seconds))


def _spec(name: str, argv: tuple[str, ...], folder: Path) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=argv,
        environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        folder=folder,
        orphan_signal=signal.SIGTERM,
    )


def _properties(data: Path, number: int, nodes: Sequence[Node]) -> str:
    node = nodes[number - 1]
    filled = {
        "@NODE@": str(number),
        "@QUORUM@": _quorum(nodes),
        "@HOST@": LOOPBACK,
        "@CONTROLLER_PORT@": str(node.controller_port),
        "@BROKER_PORT@": str(node.port),
        "@DATA@": str(data),
        "@REPLICAS@": str(len(nodes)),
        "@IN_SYNC@": str(max(1, len(nodes) - 1)),
    }
    text = _TEMPLATE.read_text()
    for word, value in filled.items():
        text = text.replace(word, value)
    return text


def _quorum(nodes: Sequence[Node]) -> str:
    """One controller finds itself; several are named to each other (broker.md 2)."""
    if len(nodes) == 1:
        return f"controller.quorum.bootstrap.servers={LOOPBACK}:{nodes[0].controller_port}"
    voters = (f"{n}@{LOOPBACK}:{node.controller_port}" for n, node in enumerate(nodes, start=1))
    return f"controller.quorum.voters={','.join(voters)}"


def _format(java: tuple[str, ...], properties: Path, folder: Path, *, alone: bool) -> None:
    done = folder / "formatted"
    if done.exists():
        return
    subprocess.run(
        [
            *(*java, "kafka.tools.StorageTool", "format", *(("--standalone",) if alone else ())),
            *("-g", "-t", _CLUSTER, "-c", str(properties)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    done.touch()


async def _answers(bootstrap: str, brokers: int, seconds: float) -> None:
    deadline = monotonic() + seconds
    while not await _answered(bootstrap, brokers):
        if monotonic() > deadline:
            raise KafkaSilentError(bootstrap)
        await asyncio.sleep(0.1)


async def _answered(bootstrap: str, brokers: int) -> bool:
    if not await _listens(bootstrap):
        return False
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2_000)
    try:
        async with asyncio.timeout(5):
            await admin.start()
            cluster = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
    return len(cluster["brokers"]) >= brokers


async def _listens(bootstrap: str) -> bool:
    host, _, port = bootstrap.partition(",")[0].rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
