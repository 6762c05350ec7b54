"""The AsyncAPI 3.0 document: every topic and type once, and who sends and receives it.

Why FastStream does not write it: docs/decisions/0027.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import yaml
from pydantic.json_schema import models_json_schema

from shared.contracts.envelope import Message
from shared.contracts.topics import TOPICS, Topic
from tests.contracts.registries import REGISTRIES
from tests.docs.contracts import ABOUT, ROOT, about, example
from tests.docs.headers import ALWAYS, HEADERS

FILE: Final = ROOT / "docs" / "asyncapi.yaml"
_BINDING: Final = "0.5.0"
_GENERATED: Final = "# Written by `make docs` from shared/contracts: do not edit.\n"
_PARTIES: Final = {
    "ingest": "The front door for Meta's webhooks.",
    "tickets": "The event store: contacts, conversations, tickets, messages, agents.",
    "outbound": "Sends to Meta: at most once, inside the window.",
    "bot": "Answers before a person does.",
    "projections": "The read models.",
    "directory": "What an administrator sets up.",
    "gateway": "The public edge: HTTP and the live stream.",
    "integrators": "What a program outside Guichê may read. It writes by the HTTP API only.",
}

Json = dict[str, Any]


def text() -> str:
    """The file."""
    return _GENERATED + yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)


def document() -> Json:
    """An operation is `<party>.<send or receive>.<topic>`, with its party as its tag."""
    kinds = [kind for name in TOPICS for kind in _types(name).values()]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:guiche",
        "info": {
            "title": "Guichê",
            "version": _version(),
            "description": "In words: docs/messages.md.",
            "tags": [{"name": name, "description": what} for name, what in _PARTIES.items()],
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "127.0.0.1:9092", "protocol": "kafka"}},
        "channels": {name: _channel(topic) for name, topic in sorted(TOPICS.items())},
        "operations": dict(operation for party in _PARTIES for operation in _operations(party)),
        "components": {
            "messages": {kind.TYPE: _message(kind, topic) for kind, topic in _each()},
            "schemas": _schemas(kinds),
        },
    }


def _channel(topic: Topic) -> Json:
    config = topic.config()
    kept = {"cleanup.policy": [config["cleanup.policy"]]}
    return {
        "address": topic.name,
        "description": ABOUT[topic.name],
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _types(topic.name)
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": kept
                | {
                    name: int(value)
                    for name, value in config.items()
                    if name in {"retention.ms", "max.message.bytes"}
                },
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(party: str) -> Iterator[tuple[str, Json]]:
    for topic in TOPICS.values():
        if party in topic.written_by:
            yield f"{party}.send.{topic.name}", _operation("send", party, topic.name)
        if party in topic.read_by:
            yield f"{party}.receive.{topic.name}", _operation("receive", party, topic.name)


def _operation(action: str, party: str, topic: str) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "tags": [{"name": party}],
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in _types(topic)],
    }


def _message(kind: type[Message], topic: Topic) -> Json:
    return {
        "name": kind.TYPE,
        "summary": about(kind),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"#/components/schemas/{kind.TYPE}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": _BINDING,
            }
        },
        "examples": [{"name": "golden", "payload": json.loads(example(kind))}],
    }


def _schemas(kinds: list[type[Message]]) -> Json:
    """Every payload and every part, under names that stay when another type is added."""
    names, made = models_json_schema(
        [(kind, "validation") for kind in kinds], ref_template="{model}"
    )
    schemas: Json = made.get("$defs", {})
    to_type = {names[kind, "validation"]["$ref"]: kind.TYPE for kind in kinds}
    renamed = {name: to_type.get(name, name.rpartition("__")[2]) for name in schemas}
    if len(set(renamed.values())) != len(renamed):
        message = f"two parts of one name: {sorted(renamed.values())}"
        raise ValueError(message)
    return {"Headers": _headers()} | {
        renamed[name]: _draft_7(shape, renamed) for name, shape in sorted(schemas.items())
    }


def _draft_7(shape: Any, renamed: Mapping[str, str]) -> Any:  # noqa: ANN401  any JSON
    """References within the document; no discriminator, which AsyncAPI writes in another way."""
    if isinstance(shape, list):
        return [_draft_7(each, renamed) for each in shape]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(shape, dict):
        return shape
    found = cast("Json", shape)
    if "$ref" in found:
        return {"$ref": f"#/components/schemas/{renamed[found['$ref']]}"}
    return {
        name: _draft_7(inner, renamed)
        for name, inner in found.items()
        if not (name == "title" and isinstance(inner, str)) and name != "discriminator"
    }


def _headers() -> Json:
    return {
        "type": "object",
        "required": list(ALWAYS),
        "properties": {
            name: {"type": "string", "description": meaning} for name, meaning in HEADERS.items()
        },
    }


def _each() -> Iterator[tuple[type[Message], Topic]]:
    for name, topic in TOPICS.items():
        for kind in _types(name).values():
            yield kind, topic


def _types(topic: str) -> Mapping[str, type[Message]]:
    return REGISTRIES.get(topic, {})


def _version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
