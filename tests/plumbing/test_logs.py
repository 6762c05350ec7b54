"""Logs carry internal ids only, whoever writes them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.plumbing import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.setup("tickets", "tickets-1", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_allowed_fields_pass_and_others_are_named_without_their_values(
    written: io.StringIO,
) -> None:
    logs.get("services.tickets").info("accepted", ticket="t-1", version=3, text="oi, sou a Maria")
    (line,) = _lines(written)
    assert (line["event"], line["ticket"], line["version"]) == ("accepted", "t-1", 3)
    assert (line["service"], line["instance"], line["level"]) == ("tickets", "tickets-1", "info")
    assert line["withheld"] == ["text"]
    assert "Maria" not in written.getvalue()


def test_an_exception_is_its_types_and_places_never_its_text(written: io.StringIO) -> None:
    def fail() -> None:
        try:
            raise KeyError("+55 11 91234-5678")  # noqa: EM101, TRY003, TRY301
        except KeyError as error:
            raise ValueError("Maria") from error  # noqa: EM101

    try:
        fail()
    except ValueError:
        logs.get("services.tickets").exception("failed")
    (line,) = _lines(written)
    assert line["error"] == "ValueError < KeyError"
    assert "test_logs.py" in line["where"][-1]
    assert "Maria" not in written.getvalue()
    assert "91234" not in written.getvalue()


def test_records_of_other_libraries_lose_their_arguments(written: io.StringIO) -> None:
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)  # whatever ran before in this process
    logging.getLogger("a.library").warning("discarding %s", "password=secret")
    logging.getLogger("aiokafka.client").warning("no broker at %s", "127.0.0.1:9092")
    foreign, kafka = _lines(written)
    assert foreign["event"] == "discarding %s"
    assert kafka["event"] == "no broker at 127.0.0.1:9092"
    assert "secret" not in written.getvalue()
