"""Liveness by heartbeats, readiness by what is waited for, metrics with the service's name."""

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from shared.plumbing import health, metrics
from shared.plumbing.loops import Heartbeat, Loops


async def _idle(_: Heartbeat) -> None: ...


def test_ready_says_what_it_waits_for() -> None:
    app, state = FastAPI(), health.Health()
    health.routes(app, state, Loops())
    client = TestClient(app)
    state.waiting_for("kafka")
    state.waiting_for("directory")
    state.arrived("kafka")
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["waiting_for"]) == (503, ["directory"])
    state.arrived("directory")
    assert client.get("/ready").status_code == 200


def test_ready_says_what_is_wrong_though_the_service_works() -> None:
    app, state = FastAPI(), health.Health()
    health.routes(app, state, Loops())
    client = TestClient(app)
    state.note("flow x.yaml", "entry: there is no node y")
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["notes"]) == (
        200,
        {"flow x.yaml": state.notes["flow x.yaml"]},
    )
    state.note("flow x.yaml", None)
    assert "notes" not in client.get("/ready").json()


def test_health_names_the_loop_that_gives_no_sign() -> None:
    app, loops = FastAPI(), Loops()
    health.routes(app, health.Health(), loops)
    loops.add("relay", _idle, interval_seconds=1)
    client = TestClient(app)
    assert client.get("/health").status_code == 200
    stale = [loop for loop in loops.watched() if loop.name == "relay"]
    stale[0].heartbeat.at -= 31
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["stale"]) == (503, ["relay"])


def test_every_sample_names_the_service() -> None:
    app = FastAPI()
    metrics.mount(app, "tickets")
    metrics.counter("test_things", "Things", ["kind"]).labels(kind="a").inc(3)
    text = TestClient(app).get("/metrics").text
    assert 'guiche_test_things_total{kind="a",service="tickets"} 3.0' in text
    assert 'process_resident_memory_bytes{service="tickets"}' in text


def test_an_answer_is_measured_by_its_route_and_not_by_what_stands_in_the_path() -> None:
    app, inner = FastAPI(), APIRouter(prefix="/v1")

    @inner.get("/tickets/{ticket}")
    def show(ticket: int) -> int:
        return ticket

    app.include_router(inner)
    metrics.mount(app, "tickets")
    client = TestClient(app)
    for path in ("/v1/tickets/7", "/v1/tickets/8", "/v1/tickets/no", "/nowhere/7"):
        client.get(path)
    assert _answers("/v1/tickets/{ticket}", "2xx") == 2
    assert _answers("/v1/tickets/{ticket}", "4xx") == 1
    assert _answers("other", "4xx") == 1


def _answers(route: str, status: str) -> float | None:
    labels = {"route": route, "status": status}
    return metrics.REGISTRY.get_sample_value("guiche_http_seconds_count", labels)
