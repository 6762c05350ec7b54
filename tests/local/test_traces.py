"""One message of a customer, followed by its spans to the live screen, and the answer to Meta."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.local.places import Places
from deploy.local.process import end_leftovers
from tests.support.stack import scratch_places
from tests.support.waiting import block_until

pytestmark = pytest.mark.timeout(600)
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 240.0
_WAY = {
    ("guiche-ingest", "ingest.accept"),
    ("guiche-ingest", "publish inbound.events"),
    ("guiche-tickets", "process inbound.events"),
    ("guiche-tickets", "publish tickets.events"),
    ("guiche-projections", "process tickets.events"),
    ("guiche-projections", "publish inbox.changes"),
    ("guiche-gateway", "process inbox.changes"),
    # the greeting, and what becomes of it
    ("guiche-tickets", "publish outbound.commands"),
    ("guiche-outbound", "process outbound.commands"),
    ("guiche-outbound", "outbound.send"),
    ("guiche-outbound", "publish outbound.events"),
    ("guiche-tickets", "process outbound.events"),
}


@pytest.fixture
def places() -> Iterator[Places]:
    with scratch_places() as made:
        yield made
        end_leftovers(made)


@pytest.fixture
def running(places: Places) -> Iterator[Mapping[str, str]]:
    """Everything, every trace written: what `guiche.env` says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "services", "run"],
        cwd=_ROOT,
        env={
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "GUICHE_RUN_DIR": str(places.run),
            "GUICHE_SIMULATE": "0",
            "GUICHE_TRACES": f"file:{places.run}/traces",
            "GUICHE_TRACES_RATIO": "1",
        },
        stdout=subprocess.DEVNULL,
    )
    block_until(places.environment.exists, _START_SECONDS)
    lines = places.environment.read_text().splitlines()
    yield {name: value for name, _, value in (line.partition("=") for line in lines)}
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def test_a_message_is_followed_from_the_webhook_to_the_screen(
    places: Places, running: Mapping[str, str]
) -> None:
    asked = urllib.request.Request(  # noqa: S310  the simulator
        f"{running['GUICHE_SIMULATOR']}/control/customers/5511912345678/messages",
        data=b'{"text": "oi"}',
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(asked, timeout=10).close()  # noqa: S310

    block_until(lambda: any(way >= _WAY for way in _ways(places).values()), 60)
    text = "".join(file.read_text() for file in _files(places))
    assert "5511912345678" not in text
    assert '"oi"' not in text


def _ways(places: Places) -> Mapping[str, set[tuple[str, str]]]:
    """Trace → the steps that were taken: by whom, and what."""
    found: dict[str, set[tuple[str, str]]] = {}
    for file in _files(places):
        for line in file.read_text().splitlines():
            with suppress(ValueError):  # the last one may be half written
                span: dict[str, Any] = json.loads(line)
                service = span["resource"]["attributes"]["service.name"]
                steps = found.setdefault(span["context"]["trace_id"], set())
                steps.add((service, span["name"]))
    return found


def _files(places: Places) -> list[Path]:
    return sorted((places.run / "traces").glob("*.jsonl"))
