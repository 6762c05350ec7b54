"""Envelopes as Kafka headers: CloudEvents 1.0, binary mode (design.md 4)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from shared.contracts.envelope import SPEC_VERSION, Envelope

Headers: TypeAlias = list[tuple[str, bytes]]

_SPEC: Final = ("ce_specversion", SPEC_VERSION.encode())
_JSON: Final = ("content-type", b"application/json")


class UnreadableHeadersError(ValueError):
    """The headers are not those of a CloudEvent as we write them."""


def to_headers(envelope: Envelope) -> Headers:
    """The headers of a message; what is not set has none."""
    headers = [
        _SPEC,
        _JSON,
        ("ce_id", envelope.id.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_time", envelope.time.isoformat().encode()),
    ]
    if envelope.subject:
        headers.append(("ce_subject", envelope.subject.encode()))
    if envelope.account is not None:
        headers.append(("ce_account", str(envelope.account).encode()))
    if envelope.position is not None:
        headers.append(("ce_position", envelope.position.encode()))
    if envelope.stream is not None:
        headers.append(("ce_stream", str(envelope.stream).encode()))
    if envelope.version is not None:
        headers.append(("ce_version", b"%d" % envelope.version))
    if envelope.causation is not None:
        headers.append(("ce_causation", envelope.causation.encode()))
    if envelope.correlation is not None:
        headers.append(("ce_correlation", envelope.correlation.encode()))
    if envelope.actor is not None:
        headers.append(("ce_actor", envelope.actor.encode()))
    return headers


def from_headers(headers: Iterable[tuple[str, bytes]]) -> Envelope:
    """The envelope of a message; raises UnreadableHeadersError."""
    try:
        found = {name: value.decode() for name, value in headers if name.startswith("ce_")}
        if found["ce_specversion"] != SPEC_VERSION:
            raise UnreadableHeadersError
        return _envelope(found)
    except (KeyError, ValueError, AttributeError) as error:
        raise UnreadableHeadersError from error


def _envelope(found: dict[str, str]) -> Envelope:
    account, stream, version = (
        found.get(f"ce_{name}") for name in ("account", "stream", "version")
    )
    return Envelope(
        id=found["ce_id"],
        type=found["ce_type"],
        source=found["ce_source"],
        time=datetime.fromisoformat(found["ce_time"]),
        subject=found.get("ce_subject", ""),
        account=None if account is None else UUID(account),
        position=found.get("ce_position"),
        stream=None if stream is None else UUID(stream),
        version=None if version is None else int(version),
        causation=found.get("ce_causation"),
        correlation=found.get("ce_correlation"),
        actor=found.get("ce_actor"),
    )
