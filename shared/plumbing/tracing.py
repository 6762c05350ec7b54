"""OpenTelemetry spans of a message's way; off by default.

A trace is what shares a correlation, and its id is made of it: nothing has to be stored to go on
behind the event store, and a log line leads to its trace. Kafka headers carry W3C `traceparent`.
Spans hold types, topics and internal ids (D9). Their provider is therefore not OpenTelemetry's
global one, of which libraries help themselves to write whole addresses into spans.
"""

import hashlib
import importlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from aiokafka.structs import ConsumerRecord
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.contracts.envelope import Envelope
from shared.plumbing.settings import CommonSettings

HEADER: Final = "traceparent"
_W3C: Final = TraceContextTextMapPropagator()
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class Addressed(Protocol):
    """A message that is about to be published."""

    @property
    def topic(self) -> str: ...
    @property
    def envelope(self) -> Envelope: ...


class TracesNotInstalledError(Exception):
    """GUICHE_TRACES is set, but the extra `traces` is not installed."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """What writes spans; `first` begins one without a parent, with these ids of trace and span."""

    tracer: trace.Tracer
    first: Callable[[str, int, int], Span]
    ratio: float
    stop: Callable[[], None]


_recorders: Final[list[Recorder]] = []  # of this process: one, or none when traces are off


def setup(settings: CommonSettings, service: str) -> None:
    """Begin, when the settings ask for it; raises TracesNotInstalledError."""
    if not settings.traces:
        return
    try:
        sdk = importlib.import_module("shared.plumbing.tracing_sdk")
    except ModuleNotFoundError as error:
        message = "GUICHE_TRACES is set: install the extra `traces`, or unset it"
        raise TracesNotInstalledError(message) from error
    begin(sdk.recorder(settings, service))


def begin(recorder: Recorder) -> None:
    """Write spans from now on."""
    _recorders[:] = [recorder]


def end() -> None:
    """Write what is left, then no more."""
    for recorder in _recorders:
        recorder.stop()
    _recorders.clear()


@contextmanager
def root(name: str, correlation: str) -> Generator[None]:
    """The first step of a trace; whoever knows the correlation later goes on from it."""
    recorder = _recorder_of(correlation)
    if recorder is None:
        yield
        return
    span = recorder.first(name, _trace_id(correlation), _root_id(correlation))
    with _ended([span]):
        yield


@contextmanager
def step(name: str, correlation: str | None) -> Generator[None]:
    """A call to somebody outside, as a step of the trace; they are not told of it."""
    recorder = _recorder_of(correlation or "")
    if recorder is None or not correlation:
        yield
        return
    place = _after_root(correlation)
    span = recorder.tracer.start_span(name, place, kind=SpanKind.CLIENT)
    with _ended([span]):
        yield


@contextmanager
def publishing(
    prepared: Iterable[tuple[Addressed, list[tuple[str, bytes]]]],
) -> Generator[None]:
    """A span for each message of a trace, from here to the acknowledgment; adds the header."""
    if not _recorders:
        yield
        return
    with _ended([span for each in prepared if (span := _publish(*each))]):
        yield


def processed(
    topic: str,
    records: Iterable["ConsumerRecord[bytes | None, bytes | None]"],
    began_ns: int,
) -> None:
    """A span for each record of a trace, from `began_ns` (of the clock) until now."""
    if not _recorders:
        return
    for record in records:
        parent = _parent(record.headers)
        if parent is None:
            continue
        attributes = _attributes(topic, "process") | {
            "messaging.destination.partition.id": str(record.partition),
            "messaging.kafka.offset": record.offset,
        }
        _recorders[0].tracer.start_span(
            f"process {topic}",
            parent,
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            start_time=began_ns,
        ).end()


def header_of(correlation: str) -> Mapping[str, str]:
    """The header for a call by HTTP; none when this trace is not written."""
    if _recorder_of(correlation) is None:
        return {}
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, _after_root(correlation))
    return carrier


def _publish(message: Addressed, headers: list[tuple[str, bytes]]) -> Span | None:
    correlation = message.envelope.correlation or ""
    recorder = _recorder_of(correlation)
    if recorder is None:
        return None
    attributes = _attributes(message.topic, "send") | {
        "messaging.message.id": message.envelope.id,
        "guiche.type": message.envelope.type,
    }
    span = recorder.tracer.start_span(
        f"publish {message.topic}",
        _after_root(correlation),
        kind=SpanKind.PRODUCER,
        attributes=attributes,
    )
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span))
    headers.append((HEADER, carrier[HEADER].encode()))
    return span


@contextmanager
def _ended(spans: Sequence[Span]) -> Generator[None]:
    try:
        yield
    except BaseException as error:
        for span in spans:  # not its words: they quote values
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        for span in spans:
            span.end()


def _attributes(topic: str, operation: str) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.type": operation,
    }


def _parent(headers: Sequence[tuple[str, bytes]]) -> Context | None:
    for name, value in headers:
        if name == HEADER:
            found = _W3C.extract({HEADER: value.decode(errors="replace")}, Context())
            given = trace.get_current_span(found).get_span_context()
            return found if given.is_valid and given.trace_flags.sampled else None
    return None


def _recorder_of(correlation: str) -> Recorder | None:
    """The recorder, when there is one and this trace is of the sample: the same everywhere."""
    if not _recorders or not correlation:
        return None
    share = int.from_bytes(_hash(correlation)[:8]) / 2**64
    return _recorders[0] if share < _recorders[0].ratio else None


def _after_root(correlation: str) -> Context:
    place = SpanContext(
        _trace_id(correlation), _root_id(correlation), is_remote=True, trace_flags=_SAMPLED
    )
    return trace.set_span_in_context(NonRecordingSpan(place), Context())


def _trace_id(correlation: str) -> int:
    """The correlation itself where it is a UUID, so that one is found by the other."""
    try:
        return UUID(correlation).int
    except ValueError:
        return int.from_bytes(_hash(correlation)[:16])


def _root_id(correlation: str) -> int:
    return int.from_bytes(_hash(correlation)[16:24])


def _hash(correlation: str) -> bytes:
    return hashlib.sha256(correlation.encode()).digest()
