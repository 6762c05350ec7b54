"""Which PostgreSQL and Kafka does this run use? Those that are named, else two local processes."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deploy.local.kafka import Node, prepare_kafka, wait_for_kafka
from deploy.local.kept import kept
from deploy.local.places import Places
from deploy.local.ports import LOOPBACK, kept_ports
from deploy.local.postgres import ensure_database, prepare_postgres, wait_for_postgres
from deploy.local.process import Child
from deploy.local.topology import Topology

_SMALL: Final = Topology()


@dataclass(frozen=True, slots=True)
class Servers:
    """Where both answer, and the processes that are ours (none when both were given)."""

    database_url: str
    bootstrap: str
    children: Mapping[str, Child]
    brokers: int = 1  # that must have come up; of a given cluster: one

    def wait(self) -> None:
        """Return as soon as both answer."""
        wait_for_postgres(self.database_url)
        ensure_database(self.database_url)
        wait_for_kafka(self.bootstrap, brokers=self.brokers)

    def stop(self) -> None:
        """End those that are ours, both at once."""
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop()

    def discard(self) -> None:
        """End those that are ours, quickly: their data is of no use to anybody."""
        for name, child in self.children.items():
            if name.startswith("kafka"):
                child.kill()
        self.stop()


def start_servers(places: Places, topology: Topology = _SMALL, *, durable: bool = True) -> Servers:
    """Start what no environment variable names; all at once, without waiting."""
    places.make()
    names = topology.broker_names
    ports = kept_ports(places.ports, ("postgres", *names, *map(_controller, names)))
    children: dict[str, Child] = {}
    url = os.environ.get("DATABASE_URL")
    if url is None:
        made = prepare_postgres(
            places, ports["postgres"], kept(places.keys / "postgres.password"), durable=durable
        )
        children["postgres"] = Child(made.spec, places)
        children["postgres"].start()
        url = made.url
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    brokers = 1
    if bootstrap is None:
        nodes = [Node(name, ports[name], ports[_controller(name)]) for name in names]
        for spec in prepare_kafka(places, nodes):
            children[spec.name] = Child(spec, places)
            children[spec.name].start()
        bootstrap = ",".join(f"{LOOPBACK}:{node.port}" for node in nodes)
        brokers = len(nodes)
    places.servers.touch(mode=0o600)
    known = {"database_url": url, "bootstrap": bootstrap, "replicas": topology.replicas}
    places.servers.write_text(json.dumps(known))
    return Servers(url, bootstrap, children, brokers)


def _controller(broker: str) -> str:
    return f"{broker}-controller"
