"""Which processes make up a whole system, and what is in the environment of each?"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.addresses import FRONTS
from deploy.local.demo import SEED, Demo, load_demo
from deploy.local.keys import role_password
from deploy.local.places import Places
from deploy.local.ports import LOOPBACK
from deploy.local.process import ProcessSpec
from deploy.local.topology import Topology
from deploy.postgres.job import service_url

SIMULATOR: Final = "simulator"
_CALLED: Final = ("directory", "tickets", "projections", "outbound", "bot")
_OWN_DATABASE: Final = frozenset({"directory", "tickets", "outbound", "bot", "projections"})
_NOT_FOR_SERVICES: Final = frozenset({"DATABASE_URL", "GUICHE_ROLE_PASSWORD"})
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Installation:
    """Where everything is."""

    places: Places
    ports: Mapping[str, int]  # by instance, and the simulator's
    database_url: str  # the administrator's
    bootstrap: str
    demo: Demo
    topology: Topology

    def url(self, instance: str) -> str:
        """The address of a process."""
        return f"http://{LOOPBACK}:{self.ports[instance]}"

    def urls(self, service: str) -> str:
        """The addresses of all processes of a service, by comma."""
        named = (name for name in self.topology.instances if service_of(name) == service)
        return ",".join(map(self.url, named))

    def public(self) -> dict[str, str]:
        """What `.run/guiche.env` says (design.md 5)."""
        return {
            "GUICHE_API": self.url("gateway"),
            "GUICHE_WEBHOOK": _webhook(self.url("ingest")),
            "GUICHE_SIMULATOR": self.url(SIMULATOR),
            **self.demo.public,
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
        }


def service_of(instance: str) -> str:
    """`tickets-2` is an instance of `tickets`."""
    return instance.partition("-")[0]


def process_specs(installation: Installation) -> list[ProcessSpec]:
    """Every process but the servers."""
    services = [
        _spec(name, f"services.{service_of(name)}", service_environment(installation, name))
        for name in installation.topology.instances
    ]
    simulator = _simulator_environment(installation)
    return [*services, _spec(SIMULATOR, "deploy.simulator", simulator)]


def service_environment(installation: Installation, instance: str) -> dict[str, str]:
    """All that one process of a service reads, over what the shell had."""
    return {**_shell(), **_ours(installation, instance)}


def local_environment(places: Places) -> dict[str, str]:
    """What an operator's tool needs to look at the run in this folder."""
    servers = json.loads(places.servers.read_text())
    installation = Installation(
        places=places,
        ports=json.loads(places.ports.read_text()),
        database_url=servers["database_url"],
        bootstrap=servers["bootstrap"],
        demo=load_demo(places),
        topology=Topology(replicas=servers["replicas"]),
    )
    ours = [_ours(installation, instance) for instance in installation.topology.instances]
    fronts = {f"{service.upper()}_URLS": installation.urls(service) for service in FRONTS}
    own = dict(entry for each in ours for entry in each.items())
    return {**own, **fronts, **installation.public()}


def _ours(installation: Installation, instance: str) -> dict[str, str]:
    service = service_of(instance)
    prefix = service.upper()
    own = {
        f"{prefix}_HOST": LOOPBACK,
        f"{prefix}_PORT": str(installation.ports[instance]),
        f"{prefix}_INSTANCE": instance if instance != service else f"{service}-1",
    }
    if service in _OWN_DATABASE:
        password = role_password(installation.places.keys)
        own[f"{prefix}_DATABASE_URL"] = service_url(installation.database_url, service, password)
    if service == "outbound":
        own["GUICHE_MEDIA_URL"] = str(installation.places.media)
    if service == "directory":
        own |= {
            "DIRECTORY_SEED": str(SEED),
            "GUICHE_GRAPH_URL": f"{installation.url(SIMULATOR)}/v26.0",
            **installation.demo.seed,
        }
    return {**_shared(installation), **own}


def _shared(installation: Installation) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": installation.bootstrap,
        "KAFKA_PREFIX": os.environ.get("KAFKA_PREFIX", ""),
        "GUICHE_KEYS_DIR": str(installation.places.keys),
        **{f"{service.upper()}_URLS": installation.urls(service) for service in _CALLED},
    }


def _simulator_environment(installation: Installation) -> dict[str, str]:
    return {
        **_shell(),
        **installation.public(),
        "GUICHE_WEBHOOK": ",".join(map(_webhook, installation.urls("ingest").split(","))),
        "SIMULATOR_HOST": LOOPBACK,
        "SIMULATOR_PORT": str(installation.ports[SIMULATOR]),
        "SIMULATOR_ACCESS_TOKENS": installation.demo.access_tokens,
        "SIMULATOR_STATE_FILE": str(installation.places.run / "simulator.json"),
    }


def _webhook(ingest: str) -> str:
    return f"{ingest}/webhooks/whatsapp"


def _shell() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _NOT_FOR_SERVICES}


def _spec(instance: str, module: str, environment: Mapping[str, str]) -> ProcessSpec:
    return ProcessSpec(
        name=instance,
        argv=(sys.executable, "-m", module),
        environment=environment,
        folder=_ROOT,
    )
