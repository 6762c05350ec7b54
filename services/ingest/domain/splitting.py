"""Split a webhook's body into items, each with its place (Cloud API 3.6)."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from pydantic import JsonValue

Kind = Literal["messages", "statuses", "errors", "value", "change", "entry"]

_ITEMS: Final[tuple[Kind, ...]] = ("messages", "statuses", "errors")
_AROUND: Final = frozenset({"messaging_product", "metadata", "contacts", *_ITEMS})


class UnreadableBodyError(Exception):
    """The signature is right and the body is not a webhook: kept on ingest.dead."""

    code = "unreadable_body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One item, not read yet. Kind `entry` is a piece that names no change at all."""

    kind: Kind
    index: str  # "<entry>/<change>/<kind>/<n>"
    raw: str  # its JSON, ASCII only: what is not is escaped
    value: JsonValue
    contacts: JsonValue = None
    field: str | None = None
    waba_id: str | None = None
    phone_number_id: str | None = None
    display_phone: str | None = None


def body_hash(body: bytes) -> str:
    """SHA-256 of the raw bytes, hex."""
    return hashlib.sha256(body).hexdigest()


def split(body: bytes) -> list[Piece]:
    """Every item of the body, in its order; raises UnreadableBodyError where no entries are."""
    try:
        parsed: JsonValue = json.loads(
            body, parse_constant=_not_json, parse_float=_finite, parse_int=_countable
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableBodyError from error
    entries = parsed.get("entry") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        raise UnreadableBodyError
    return [piece for number, entry in enumerate(entries) for piece in _of_entry(number, entry)]


def to_raw(value: JsonValue) -> str:
    """JSON in ASCII: lone surrogates and NUL stay escapes, which fit in any text column."""
    return json.dumps(value, separators=(",", ":"))


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(digits: str) -> float | str:
    """A number too large for a float stays as it was written."""
    number = float(digits)
    return number if math.isfinite(number) else digits


def _countable(digits: str) -> int | str:
    """A number longer than 64 bits is a text to every reader."""
    return int(digits) if len(digits) < 19 else digits  # noqa: PLR2004 (2**63 has 19 digits)


def _of_entry(number: int, entry: JsonValue) -> Iterator[Piece]:
    changes = entry.get("changes") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(changes, list):
        yield Piece(kind="entry", index=f"{number}/-/entry/0", raw=to_raw(entry), value=entry)
        return
    for position, change in enumerate(changes):
        yield from _of_change(f"{number}/{position}", entry, change)


def _of_change(place: str, entry: Mapping[str, JsonValue], change: JsonValue) -> Iterator[Piece]:
    body = change if isinstance(change, dict) else {}
    field = _text(body.get("field")) or _text(entry.get("field"))
    value = body.get("value")
    if field not in {None, "messages"} or not isinstance(value, dict) or not _has_items(value):
        value = value if isinstance(value, dict) else {}
        yield _piece("change", f"{place}/change/0", change, _surroundings(field, entry, value))
        return
    around = _surroundings(field, entry, value)
    for kind in _ITEMS:
        yield from _of_list(kind, f"{place}/{kind}", value.get(kind), around)
    rest = {key: part for key, part in value.items() if key not in _AROUND}
    if rest:
        yield _piece("value", f"{place}/value/0", rest, around)


def _has_items(value: Mapping[str, JsonValue]) -> bool:
    return any(value.get(kind) for kind in _ITEMS)


def _of_list(kind: Kind, place: str, items: JsonValue, around: "_Around") -> Iterator[Piece]:
    """The elements of a list; a value that should be a list is kept as one item."""
    if items is None:
        return
    for number, item in enumerate(items if isinstance(items, list) else [items]):
        yield _piece(kind, f"{place}/{number}", item, around)


@dataclass(frozen=True, slots=True)
class _Around:
    field: str | None
    waba_id: str | None
    phone_number_id: str | None
    display_phone: str | None
    contacts: JsonValue


def _surroundings(
    field: str | None, entry: Mapping[str, JsonValue], value: Mapping[str, JsonValue]
) -> _Around:
    metadata = value.get("metadata")
    of_number: Mapping[str, JsonValue] = metadata if isinstance(metadata, dict) else {}
    display = of_number.get("display_phone_number", value.get("display_phone_number"))
    return _Around(
        field=field,
        waba_id=_text(entry.get("id")),
        phone_number_id=_text(of_number.get("phone_number_id")),
        display_phone=_text(display),
        contacts=value.get("contacts"),
    )


def _piece(kind: Kind, index: str, value: JsonValue, around: _Around) -> Piece:
    return Piece(
        kind=kind,
        index=index,
        raw=to_raw(value),
        value=value,
        contacts=around.contacts,
        field=around.field,
        waba_id=around.waba_id,
        phone_number_id=around.phone_number_id,
        display_phone=around.display_phone,
    )


def _text(value: JsonValue) -> str | None:
    """Ids come as text, and in some samples as numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)
