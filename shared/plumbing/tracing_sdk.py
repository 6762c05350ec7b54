"""Export spans by OTLP or to files; needs the extra `traces`."""

from pathlib import Path
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span

from shared.plumbing.settings import CommonSettings
from shared.plumbing.tracing import Recorder

_FOLDER: Final = "file:"


def recorder(settings: CommonSettings, service: str) -> Recorder:
    """What `GUICHE_TRACES` asks for: `file:<folder>`, else the address of a collector."""
    processor = BatchSpanProcessor(_exporter(settings))
    return recorder_to(processor, settings, service)


def recorder_to(processor: SpanProcessor, settings: CommonSettings, service: str) -> Recorder:
    """A recorder of spans for `processor`; the sample is drawn in `tracing`."""
    ids = _Ids()
    who = {"service.name": f"guiche-{service}", "service.instance.id": settings.instance}
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource(who), id_generator=ids, shutdown_on_exit=False
    )
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("guiche")

    def first(name: str, trace_id: int, span_id: int) -> Span:
        ids.wanted = (trace_id, span_id)
        return tracer.start_span(name, Context())

    return Recorder(tracer, first, settings.traces_ratio, provider.shutdown)


class _Ids(RandomIdGenerator):
    """Random ids, but the wanted ones for the next span."""

    wanted: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self.wanted is None else self.wanted[0]

    def generate_span_id(self) -> int:
        if self.wanted is None:
            return super().generate_span_id()
        _, span_id = self.wanted
        self.wanted = None
        return span_id


class _FileExporter(ConsoleSpanExporter):
    """A file of each process, a line of JSON per span."""

    def __init__(self, folder: Path, instance: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"{instance}.jsonl").open("a")
        super().__init__(out=self._file, formatter=_line)  # pyright: ignore[reportUnknownMemberType]

    def shutdown(self) -> None:
        self._file.close()


def _exporter(settings: CommonSettings) -> SpanExporter:
    if settings.traces.startswith(_FOLDER):
        folder = Path(settings.traces.removeprefix(_FOLDER))
        return _FileExporter(folder, settings.instance)
    return OTLPSpanExporter(endpoint=f"{settings.traces.rstrip('/')}/v1/traces")


def _line(span: ReadableSpan) -> str:
    return span.to_json(indent=None) + "\n"
