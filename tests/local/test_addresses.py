"""An operator's tools ask every process, those that are called from outside too."""

import json

import pytest

from deploy.local.addresses import processes
from deploy.local.installation import SIMULATOR, local_environment
from deploy.local.keys import make_keys
from deploy.local.topology import Topology
from tests.support.stack import scratch_places

CALLED = ("INGEST", "GATEWAY", "DIRECTORY", "TICKETS", "OUTBOUND", "BOT", "PROJECTIONS")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No address of another run."""
    for name in ("GUICHE_API", "GUICHE_WEBHOOK", *(f"{service}_URLS" for service in CALLED)):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_run_with_two_of_each_has_two_of_each(alone: pytest.MonkeyPatch) -> None:
    shape = Topology(replicas=2)
    ports = {name: 20_000 + n for n, name in enumerate((*shape.instances, SIMULATOR))}
    servers = {"database_url": "postgresql://h/guiche", "bootstrap": "h:1", "replicas": 2}
    with scratch_places() as places:
        make_keys(places.keys)
        places.ports.write_text(json.dumps(ports))
        places.servers.write_text(json.dumps(servers))
        for name, value in local_environment(places).items():
            alone.setenv(name, value)
    found = processes()
    assert set(found) == {f"{service.lower()}-{n}" for service in CALLED for n in (1, 2)}
    assert len(set(found.values())) == len(found)


def test_where_only_the_public_addresses_are_known_those_are_asked(
    alone: pytest.MonkeyPatch,
) -> None:
    alone.setenv("GUICHE_API", "http://api")
    alone.setenv("GUICHE_WEBHOOK", "http://door/webhooks/whatsapp")
    assert processes() == {"ingest": "http://door", "gateway": "http://api"}
