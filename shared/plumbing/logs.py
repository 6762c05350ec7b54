"""JSON log lines on stderr, without personal data.

Only allow-listed fields pass. Of an exception only types and places are written, because messages
of drivers quote values. Of other libraries only records of _ARGUMENTS_ARE_SAFE keep arguments.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO
from uuid import UUID

import orjson
import structlog

_ALLOWED: Final = {
    *("event", "level", "timestamp", "service", "instance", "logger", "where", "error"),
    *("account", "actor", "agent", "connection", "contact", "conversation", "message", "sector"),
    *("ticket", "stream", "version", "position", "epoch", "command", "type", "kind", "code"),
    *("topic", "topics", "partition", "offset", "group", "seq", "count", "records", "behind"),
    *("reason", "attempt", "attempts", "seconds", "milliseconds", "status", "method", "route"),
    *("loop", "loops", "lease", "holder", "waiting_for", "name", "target", "port", "host", "url"),
    *("request_id", "correlation", "causation", "model", "table", "signal", "failpoint", "bytes"),
}
_ARGUMENTS_ARE_SAFE: Final = ("aiokafka", "faststream", "uvicorn", "alembic")
_LONGEST: Final = 300
_DEEPEST: Final = 5


def allow(*fields: str) -> None:
    """Let further fields pass; they must hold internal ids, codes or figures only."""
    _ALLOWED.update(fields)


def setup(
    service: str, instance: str, *, level: str = "INFO", stream: TextIO | None = None
) -> None:
    """Send everything that is logged, by structlog or logging, through the redaction to stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(service, instance))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "uvicorn", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("faststream_kafka").setLevel(logging.ERROR)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    return structlog.stdlib.get_logger(name)


def _formatter(service: str, instance: str) -> logging.Formatter:
    def who(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**event, "service": service, "instance": instance}

    return structlog.stdlib.ProcessorFormatter(
        use_get_message=False,
        pass_foreign_args=True,
        foreign_pre_chain=[
            _foreign,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            who,
            redact,
            _line,
        ],
    )


def _foreign(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and record.name.startswith(_ARGUMENTS_ARE_SAFE):
        with suppress(TypeError, ValueError):
            event["event"] = record.msg % event.get("positional_args", ())
    return event


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep allow-listed fields with plain values; name the others without their values."""
    exception = _exception(event.pop("exc_info", None))
    kept = {name: _plain(value) for name, value in event.items() if name in _ALLOWED}
    withheld = sorted(set(event) - _ALLOWED - {"positional_args", "stack_info"})
    return {**kept, **exception, **({"withheld": withheld} if withheld else {})}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | UUID):
        return str(value)[:_LONGEST]
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:20]]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, Mapping):
        return sorted(str(key) for key in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return type(value).__name__


def _exception(info: object) -> dict[str, object]:
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not isinstance(error, BaseException):
        return {}
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return {
        "error": " < ".join(_chain(error)),
        "where": [
            f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno}" for frame in frames
        ],
    }


def _chain(error: BaseException) -> list[str]:
    names: list[str] = []
    current: BaseException | None = error
    while current is not None and len(names) < _DEEPEST:
        inner = current.exceptions if isinstance(current, BaseExceptionGroup) else ()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        names.append("+".join([type(current).__name__, *(type(item).__name__ for item in inner)]))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        current = current.__cause__ or current.__context__
    return names


def _line(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS).decode()
