"""Spans of one message share a trace that its correlation names; off, there is nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from aiokafka.structs import ConsumerRecord
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import ValidationError

from shared.contracts.envelope import Envelope
from shared.plumbing import tracing, tracing_sdk
from shared.plumbing.kafka import Outgoing, to_headers
from shared.plumbing.settings import CommonSettings

CORRELATION = "0198c0de-0000-7000-8000-00000000abcd"
HEADERS = list[tuple[str, bytes]]


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    made = InMemorySpanExporter()
    yield made
    tracing.end()


def _record_to(exporter: InMemorySpanExporter, ratio: float = 1.0) -> None:
    settings = CommonSettings(traces_ratio=ratio, instance="test-1")
    tracing.begin(tracing_sdk.recorder_to(SimpleSpanProcessor(exporter), settings, "tests"))


def _message(correlation: str | None = CORRELATION) -> tuple[Outgoing, HEADERS]:
    envelope = Envelope(
        id="m-1",
        type="inbound.TextReceived.v1",
        source="ingest",
        time=datetime(2026, 11, 26, tzinfo=UTC),
        correlation=correlation,
    )
    return Outgoing("inbound.events", b"key", envelope, b"{}"), to_headers(envelope)


def _record(headers: HEADERS) -> "ConsumerRecord[bytes | None, bytes | None]":
    return ConsumerRecord(
        topic="inbound.events",
        partition=3,
        offset=42,
        timestamp=0,
        timestamp_type=0,
        key=b"key",
        value=b"{}",
        checksum=None,
        serialized_key_size=3,
        serialized_value_size=2,
        headers=tuple(headers),
    )


def _one_way(correlation: str | None = CORRELATION) -> HEADERS:
    message, headers = _message(correlation)
    with tracing.root("ingest.accept", correlation or ""), tracing.publishing([(message, headers)]):
        pass
    tracing.processed("inbound.events", [_record(headers)], 1)
    return headers


def _spans(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def _parent(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def test_the_steps_of_a_message_hang_together(exporter: InMemorySpanExporter) -> None:
    _record_to(exporter)
    _one_way()
    spans = _spans(exporter)
    assert set(spans) == {"ingest.accept", "publish inbound.events", "process inbound.events"}
    first, sent, done = (spans[name].context for name in spans)
    assert {context.trace_id for context in (first, sent, done) if context} == {
        UUID(CORRELATION).int
    }
    accept, publish = spans["ingest.accept"], spans["publish inbound.events"]
    assert accept.parent is None
    assert accept.context is not None
    assert publish.context is not None
    assert _parent(publish) == accept.context.span_id
    assert _parent(spans["process inbound.events"]) == publish.context.span_id


def test_who_knows_only_the_correlation_goes_on_behind_the_store(
    exporter: InMemorySpanExporter,
) -> None:
    _record_to(exporter)
    _one_way()
    tracing.end()
    later = InMemorySpanExporter()
    _record_to(later)  # another process: the relay
    with tracing.publishing([_message()]):
        pass
    accept = _spans(exporter)["ingest.accept"]
    assert accept.context is not None
    assert _parent(_spans(later)["publish inbound.events"]) == accept.context.span_id


def test_a_call_to_somebody_outside_is_a_step(exporter: InMemorySpanExporter) -> None:
    _record_to(exporter)
    with tracing.root("ingest.accept", CORRELATION), tracing.step("outbound.send", CORRELATION):
        pass
    with tracing.step("outbound.send", None):  # of a command without one
        pass
    called, accepted = exporter.get_finished_spans()
    assert accepted.context is not None
    assert (called.name, _parent(called)) == ("outbound.send", accepted.context.span_id)
    assert not called.attributes


def test_a_span_says_internal_ids_only(exporter: InMemorySpanExporter) -> None:
    _record_to(exporter)
    _one_way()
    said = {name for span in exporter.get_finished_spans() for name in span.attributes or ()}
    assert said == {
        "messaging.system",
        "messaging.destination.name",
        "messaging.operation.type",
        "messaging.message.id",
        "messaging.destination.partition.id",
        "messaging.kafka.offset",
        "guiche.type",
    }


def test_what_fails_says_which_error_and_not_its_words(exporter: InMemorySpanExporter) -> None:
    _record_to(exporter)
    secret = "Maria"
    with pytest.raises(ValueError, match=secret), tracing.root("ingest.accept", CORRELATION):
        raise ValueError(secret)
    (span,) = exporter.get_finished_spans()
    assert secret not in span.to_json()
    assert "ERROR" in span.to_json()


def test_off_nothing_is_added(exporter: InMemorySpanExporter) -> None:
    assert _one_way() == _message()[1]
    assert tracing.header_of(CORRELATION) == {}
    assert exporter.get_finished_spans() == ()


def test_all_processes_draw_the_same_sample_of_about_the_ratio(
    exporter: InMemorySpanExporter,
) -> None:
    _record_to(exporter, ratio=0.25)
    ids = [str(uuid4()) for _ in range(2000)]
    drawn = [id_ for id_ in ids if tracing.header_of(id_)]
    assert 350 < len(drawn) < 650
    assert drawn == [id_ for id_ in ids if tracing.header_of(id_)]
    refused = next(id_ for id_ in ids if id_ not in drawn)
    assert _one_way(refused) == _message(refused)[1]
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("value", [b"\xff", b"", b"00-0-0-01", b"00-" + b"0" * 32 + b"-0-01"])
def test_a_header_that_is_none_of_w3c_is_passed_by(
    exporter: InMemorySpanExporter, value: bytes
) -> None:
    _record_to(exporter)
    tracing.processed("inbound.events", [_record([("traceparent", value)])], 1)
    assert exporter.get_finished_spans() == ()


def test_a_message_without_a_correlation_has_no_trace(exporter: InMemorySpanExporter) -> None:
    _record_to(exporter)
    _one_way(None)
    assert exporter.get_finished_spans() == ()


def test_a_correlation_that_is_no_uuid_has_a_trace_too(exporter: InMemorySpanExporter) -> None:
    _record_to(exporter)
    _one_way("from a caller")
    assert len({s.context.trace_id for s in exporter.get_finished_spans() if s.context}) == 1


def test_spans_go_to_a_file_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = CommonSettings(traces=f"file:{tmp_path}/new", traces_ratio=1.0, instance="tests-1")
    tracing.setup(settings, "tests")
    _one_way()
    tracing.end()
    lines = [
        json.loads(line) for line in (tmp_path / "new" / "tests-1.jsonl").read_text().splitlines()
    ]
    assert len(lines) == 3
    assert lines[0]["resource"]["attributes"]["service.name"] == "guiche-tests"


@pytest.mark.parametrize(
    ("name", "value"), [("GUICHE_TRACES_RATIO", "1.5"), ("GUICHE_TRACES", "otlp")]
)
def test_a_setting_that_says_nothing_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name):
        CommonSettings()


def test_without_the_extra_it_says_so_and_without_the_setting_it_runs() -> None:
    program = """
import sys
sys.modules["opentelemetry.sdk"] = None
from shared.plumbing import tracing
from shared.plumbing.settings import CommonSettings
tracing.setup(CommonSettings(), "tests")
try:
    tracing.setup(CommonSettings(traces="http://127.0.0.1:4318"), "tests")
except tracing.TracesNotInstalledError:
    print("not installed")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "not installed\n"


class _Collector(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    taken: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.taken.append((self.path, self.rfile.read(size)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


def test_spans_go_to_a_collector_where_the_settings_name_one() -> None:
    with HTTPServer(("127.0.0.1", 0), _Collector) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        tracing.setup(CommonSettings(traces=address, traces_ratio=1.0), "tests")
        _one_way()
        tracing.end()
        server.shutdown()
        serving.join()
    ((path, body),) = _Collector.taken
    assert path == "/v1/traces"
    assert UUID(CORRELATION).bytes in body
    assert b"guiche-tests" in body
