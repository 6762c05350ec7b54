"""Read single values of an item: strict where the item means nothing without them."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from pydantic import JsonValue

from shared.contracts.content import ProviderError

Object: TypeAlias = Mapping[str, JsonValue]

DEEPEST: Final = 64  # readers of JSON refuse what is nested much deeper; Meta nests about ten deep
_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31
_LARGEST_CODE: Final = 2**31 - 1


class UnreadableItemError(Exception):
    """A part without which the item means nothing is missing or of another kind."""

    code = "unreadable_item"

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


def clean_text(text: str) -> str:
    """Without NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 cannot write them)."""
    return _NOT_TEXT.sub(_REPLACEMENT, text)


def clean(value: JsonValue, depth: int = 0) -> JsonValue:
    """The value with every text clean; raises UnreadableItemError when it is nested too deep."""
    if depth > DEEPEST:
        part = "nesting"
        raise UnreadableItemError(part)
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): clean(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [clean(part, depth + 1) for part in value]
    return value


def part_of(parent: Object, key: str) -> dict[str, JsonValue]:
    """The object under this key, which must be there."""
    found = parent.get(key)
    if not isinstance(found, dict):
        raise UnreadableItemError(key)
    return found


def optional_part(parent: Object, key: str) -> dict[str, JsonValue]:
    """The object under this key; empty when there is none."""
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def list_of(parent: Object, key: str) -> list[dict[str, JsonValue]]:
    """The list of objects under this key, which must be there and hold nothing else."""
    found = parent.get(key)
    if not isinstance(found, list):
        raise UnreadableItemError(key)
    objects = [element for element in found if isinstance(element, dict)]
    if len(objects) != len(found):
        raise UnreadableItemError(key)
    return objects


def text_of(parent: Object, key: str) -> str:
    """The text under this key, which must be there; it may be empty."""
    found = optional_text(parent, key)
    if found is None:
        raise UnreadableItemError(key)
    return found


def id_of(parent: Object, key: str) -> str:
    """The id under this key, which must be there and not be empty."""
    found = optional_id(parent, key)
    if found is None:
        raise UnreadableItemError(key)
    return found


def optional_text(parent: Object, key: str) -> str | None:
    """The text under this key; a number counts as its digits."""
    found = parent.get(key)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    return str(found)


def optional_id(parent: Object, *keys: str) -> str | None:
    """The first of these keys that has a text which is not empty."""
    for key in keys:
        found = optional_text(parent, key)
        if found:
            return found
    return None


def flag(parent: Object, key: str) -> bool:
    """Whether this key says true, as a boolean or as a word."""
    found = parent.get(key)
    return found is True or (isinstance(found, str) and found.lower() == "true")


def number_of(parent: Object, key: str) -> float:
    """The number under this key, also written as a text."""
    found = optional_number(parent, key)
    if found is None:
        raise UnreadableItemError(key)
    return found


def optional_number(parent: Object, key: str) -> float | None:
    """The number under this key, when it is one and finite."""
    text = optional_text(parent, key)
    try:
        found = float(text) if text else None
    except ValueError:
        return None
    return found if found is not None and abs(found) < float("inf") else None


def instant_of(parent: Object, key: str) -> datetime:
    """Unix seconds, as Meta's text or a number, as an instant in UTC."""
    seconds = number_of(parent, key)
    if not 0 < seconds <= _LAST_SECOND:
        raise UnreadableItemError(key)
    return datetime.fromtimestamp(int(seconds), UTC)


def optional_instant(parent: Object, key: str) -> datetime | None:
    """The instant under this key, when it can be read."""
    try:
        return instant_of(parent, key)
    except UnreadableItemError:
        return None


def errors_of(parent: Object) -> list[ProviderError]:
    """Meta's errors; one whose code cannot be read keeps its words under code 0."""
    found = parent.get("errors")
    listed: Sequence[JsonValue] = found if isinstance(found, list) else []
    return [_error(element) for element in listed if isinstance(element, dict)]


def _error(error: Object) -> ProviderError:
    code = optional_number(error, "code") or 0
    return ProviderError(
        code=int(code) if abs(code) <= _LARGEST_CODE else 0,
        title=optional_text(error, "title"),
        message=optional_text(error, "message"),
        details=optional_text(optional_part(error, "error_data"), "details"),
    )
