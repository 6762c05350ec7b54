"""Which messages are there, what do they say, and how are they read? `docs/messages.md`."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from shared.contracts.envelope import Message
from shared.contracts.topics import TOPICS, Topic
from tests.contracts.registries import REGISTRIES, TYPES
from tests.docs.contracts import ABOUT, ROOT, Field, about, example, fields, name_of, parts
from tests.docs.headers import ALWAYS, HEADERS

FILE: Final = ROOT / "docs" / "messages.md"
_HOUR_MS: Final = 3_600_000
_GENERATED: Final = "<!-- Written by `make docs` from shared/contracts: do not edit. -->\n"
_TOP: Final = Path(__file__).with_name("messages_top.md")


@cache
def text() -> str:
    """The whole page."""
    written = _GENERATED + _TOP.read_text()
    return "\n".join((written, *_headers(), *_topics(), *_messages(), *_parts())).rstrip() + "\n"


def anchor(heading: str) -> str:
    """The address of a heading within the page, as GitHub makes it."""
    kept = "".join(char for char in heading.lower() if char.isalnum() or char in "-_ ")
    return kept.replace(" ", "-")


def _headers() -> Iterator[str]:
    yield from ("## Headers", "", "| header | | meaning |", "| --- | --- | --- |")
    for name, meaning in HEADERS.items():
        yield f"| `{name}` | {'always' if name in ALWAYS else ''} | {meaning} |"
    yield ""


def _topics() -> Iterator[str]:
    yield from ("## Topics", "", "| topic | key | partitions | kept | written by | read by |")
    yield "| --- | --- | --- | --- | --- | --- |"
    for topic in TOPICS.values():
        cells = (
            _link(topic.name),
            topic.key,
            str(topic.partitions),
            _kept(topic),
            ", ".join(topic.written_by),
            ", ".join(topic.read_by),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "compacted: the last of each key"
    if topic.retention_ms < _HOUR_MS:
        return f"{topic.retention_ms // 60_000} min"
    return f"{topic.retention_ms // _HOUR_MS} h"


def _messages() -> Iterator[str]:
    for topic in TOPICS.values():
        yield from (f"## {topic.name}", "", ABOUT[topic.name], "")
        way = f"{', '.join(topic.written_by)} → {', '.join(topic.read_by)}"
        yield f"Key: {topic.key} · {topic.partitions} partitions · {_kept(topic)} · {way}"
        yield ""
        kinds = REGISTRIES.get(topic.name, {})
        if not kinds:
            yield from ("No message of this topic is published yet.", "")
        for kind in kinds.values():
            yield from _message(kind)


def _message(kind: type[Message]) -> Iterator[str]:
    yield from (f"### {kind.TYPE}", "", about(kind), "")
    yield from _table(kind)
    yield from ("```json", json.dumps(json.loads(example(kind)), ensure_ascii=False, indent=1))
    yield from ("```", "")


def _parts() -> Iterator[str]:
    yield from ("## Parts", "", "What bodies are made of.", "")
    found = {name_of(part): part for kind in TYPES.values() for part in parts(kind).values()}
    for name, part in sorted(found.items()):
        yield from (f"### {name}", "", about(part), "")
        yield from _table(part)


def _table(kind: type[BaseModel]) -> Iterator[str]:
    known = {name: name_of(part) for name, part in parts(kind).items()}
    rows = [_row(field, known) for field in fields(kind)]
    if not rows:
        yield from ("No fields.", "")
        return
    yield from ("| field | type | | note |", "| --- | --- | --- | --- |", *rows, "")


def _row(field: Field, known: Mapping[str, str]) -> str:
    shape = _shape(field.shape, known)
    needed = "required" if field.required else f"optional{_default(field)}"
    note = field.note.replace("|", r"\|").replace("<", "&lt;")
    return f"| `{field.name}` | {shape} | {needed} | {note} |"


def _default(field: Field) -> str:
    value = field.shape.get("default")
    simple = isinstance(value, str | int | float)
    return f", `{json.dumps(value)}`" if simple else ""


def _shape(shape: Mapping[str, Any], known: Mapping[str, str]) -> str:
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return "any JSON" if name == "JsonValue" else _link(known[name])
    several = shape.get("anyOf", shape.get("oneOf", []))
    if several:
        return " or ".join(_shape(each, known) for each in several)
    if shape.get("type") == "array":
        return f"list of {_shape(shape['items'], known)}"
    if shape.get("type") == "object":
        values = shape.get("additionalProperties")
        return f"map to {_shape(values, known) if isinstance(values, dict) else 'any JSON'}"  # pyright: ignore[reportUnknownArgumentType]
    return _plain(shape)


def _plain(shape: Mapping[str, Any]) -> str:
    values = [shape["const"]] if "const" in shape else shape.get("enum", [])
    if values:
        return " or ".join(f"`{json.dumps(value)}`" for value in values)
    return str(shape.get("format", shape["type"]))


def _link(name: str) -> str:
    return f"[{name}](#{anchor(name)})"
