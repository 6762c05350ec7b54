"""Envelopes as Kafka headers, read with the official CloudEvents SDK as the oracle."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event

from shared.contracts.envelope import Envelope
from shared.plumbing.kafka import UnreadableHeadersError, from_headers, to_headers

FULL = Envelope(
    id="0198c0de-0000-7000-8000-000000000001",
    type="tickets.TicketAccepted.v1",
    source="tickets",
    time=datetime(2026, 11, 26, 12, 30, 1, 250_000, UTC),
    subject="ticket/1",
    account=UUID(int=1),
    position="1.42",
    stream=UUID(int=2),
    version=7,
    causation="c-1",
    correlation="c-0",
    actor="agent:ana",
)
BARE = Envelope(id="1", type="inbound.Status.v1", source="ingest", time=FULL.time)


def test_the_official_sdk_reads_what_we_write() -> None:
    message = KafkaMessage(headers=dict(to_headers(FULL)), key=b"contact", value=b'{"a": 1}')
    event = from_binary_event(message)
    assert (event.get_id(), event.get_type(), event.get_source()) == (
        FULL.id,
        FULL.type,
        FULL.source,
    )
    assert event.get_specversion() == "1.0"
    assert event.get_time() == FULL.time
    assert event.get_subject() == FULL.subject
    assert event.get_datacontenttype() == "application/json"
    extensions = {name: event.get_extension(name) for name in ("account", "stream", "position")}
    assert extensions == {
        "account": str(FULL.account),
        "stream": str(FULL.stream),
        "position": "1.42",
    }
    assert event.get_extension("version") == "7"
    assert event.get_extension("actor") == "agent:ana"
    assert event.get_extension("causation") == "c-1"
    assert event.get_extension("correlation") == "c-0"
    assert event.get_data() == {"a": 1}


@pytest.mark.parametrize("envelope", [FULL, BARE])
def test_headers_are_read_back_as_they_were(envelope: Envelope) -> None:
    assert from_headers(to_headers(envelope)) == envelope


def test_what_is_not_set_has_no_header() -> None:
    names = {name for name, _ in to_headers(BARE)}
    assert names == {
        "ce_specversion",
        "content-type",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_time",
    }


def test_foreign_headers_are_ignored() -> None:
    assert from_headers([*to_headers(BARE), ("traceparent", b"\xff")]) == BARE


@pytest.mark.parametrize(
    "broken",
    [
        ("ce_id", None),
        ("ce_specversion", b"0.3"),
        ("ce_time", b"yesterday"),
        ("ce_version", b"seven"),
        ("ce_account", b"\xff"),
    ],
)
def test_what_is_no_cloud_event_is_refused(broken: tuple[str, bytes | None]) -> None:
    name, value = broken
    headers = dict(to_headers(FULL))
    del headers[name]
    if value is not None:
        headers[name] = value
    with pytest.raises(UnreadableHeadersError):
        from_headers(headers.items())
