"""Which PostgreSQL and Kafka does this run use? Those that are named, else two local processes."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deploy.local.kafka import prepare_kafka, wait_for_kafka
from deploy.local.kept import kept
from deploy.local.places import Places
from deploy.local.ports import LOOPBACK, kept_ports
from deploy.local.postgres import ensure_database, prepare_postgres, wait_for_postgres
from deploy.local.process import Child

PORTS: Final = ("postgres", "kafka", "kafka-controller")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where both answer, and the processes that are ours (none when both were given)."""

    database_url: str
    bootstrap: str
    children: Mapping[str, Child]

    def wait(self) -> None:
        """Return as soon as both answer."""
        wait_for_postgres(self.database_url)
        ensure_database(self.database_url)
        wait_for_kafka(self.bootstrap)

    def stop(self) -> None:
        """End those that are ours, both at once."""
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop()

    def discard(self) -> None:
        """End those that are ours, quickly: their data is of no use to anybody."""
        if "kafka" in self.children:
            self.children["kafka"].kill()
        self.stop()


def start_servers(places: Places, *, durable: bool = True) -> Servers:
    """Start what no environment variable names; both at once, without waiting."""
    places.make()
    ports = kept_ports(places.ports, PORTS)
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
    if bootstrap is None:
        spec = prepare_kafka(places, ports["kafka"], ports["kafka-controller"])
        children["kafka"] = Child(spec, places)
        children["kafka"].start()
        bootstrap = f"{LOOPBACK}:{ports['kafka']}"
    places.servers.touch(mode=0o600)
    places.servers.write_text(json.dumps({"database_url": url, "bootstrap": bootstrap}))
    return Servers(url, bootstrap, children)
