"""The AsyncAPI document is that of the contracts, and AsyncAPI 3.0 by its own schema.

`asyncapi-3.0.0.json` is the schema that AsyncAPI publishes (npm `@asyncapi/specs` 6.11.1,
Apache-2.0), without descriptions and examples.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from shared.contracts.topics import TOPICS
from tests.contracts.registries import REGISTRIES
from tests.docs import asyncapi

RULES = jsonschema_rs.validator_for(
    json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text())
)
DOCUMENT: dict[str, Any] = yaml.safe_load(asyncapi.FILE.read_text())


def test_the_document_is_what_the_contracts_say_now() -> None:
    assert asyncapi.text() == asyncapi.FILE.read_text(), "stale: run make docs"


def test_the_document_keeps_the_rules_of_asyncapi() -> None:
    assert [error.message for error in RULES.iter_errors(DOCUMENT)] == []


def test_a_document_that_breaks_a_rule_is_seen() -> None:
    broken = deepcopy(DOCUMENT)
    del broken["operations"]["integrators.receive.tickets.events"]["channel"]
    assert not RULES.is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    for reference in _references(DOCUMENT):
        _at(DOCUMENT, reference)


def test_an_example_is_valid_by_the_schema_of_its_payload() -> None:
    for name, message in DOCUMENT["components"]["messages"].items():
        for given in message["examples"]:
            errors = _payload_rules(name).iter_errors(given["payload"])
            assert [error.message for error in errors] == [], name


def test_a_payload_without_a_required_field_is_refused() -> None:
    name = "tickets.TicketClosed.v1"
    example = DOCUMENT["components"]["messages"][name]["examples"][0]["payload"]
    payload = {field: value for field, value in example.items() if field != "ticket_id"}
    assert not _payload_rules(name).is_valid(payload)


def test_every_topic_has_its_senders_and_all_its_readers() -> None:
    for name, topic in TOPICS.items():
        assert _parties("send", name) == set(topic.written_by)
        assert _parties("receive", name) == set(topic.read_by) - {"operators"}


def test_an_operation_names_every_type_of_its_topic() -> None:
    for name, operation in DOCUMENT["operations"].items():
        _party, _action, topic = name.split(".", 2)
        types = [each["$ref"].rpartition("/")[2] for each in operation["messages"]]
        assert types == list(REGISTRIES.get(topic, {}))


def _parties(action: str, topic: str) -> set[str]:
    """Who does this with the topic, by the tags of its operations."""
    return {
        tag["name"]
        for operation in DOCUMENT["operations"].values()
        if (operation["action"], operation["channel"]["$ref"]) == (action, f"#/channels/{topic}")
        for tag in operation["tags"]
    }


def _payload_rules(message: str) -> jsonschema_rs.Draft7Validator:
    reference = DOCUMENT["components"]["messages"][message]["payload"]["$ref"]
    schema = {"components": DOCUMENT["components"], "$ref": reference}
    return jsonschema_rs.Draft7Validator(schema)


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401  any JSON
    if isinstance(node, dict):
        for name, inner in node.items():  # pyright: ignore[reportUnknownVariableType]
            if name == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:  # pyright: ignore[reportUnknownVariableType]
            yield from _references(inner)


def _at(document: dict[str, Any], reference: str) -> Any:  # noqa: ANN401  any JSON
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found
