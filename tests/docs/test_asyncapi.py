"""The AsyncAPI documents are those of the contracts, and AsyncAPI 3.0 by its own schema.

`asyncapi-3.0.0.json` is the schema that AsyncAPI publishes (npm `@asyncapi/specs` 6.11.1,
Apache-2.0), without descriptions and examples.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from shared.contracts.topics import TOPICS
from tests.contracts.registries import REGISTRIES
from tests.docs import asyncapi

RULES = jsonschema_rs.validator_for(
    json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text())
)
WRITTEN = {path.name: path.read_text() for path in sorted(asyncapi.FOLDER.glob("*.yaml"))}
DOCUMENTS: dict[str, dict[str, Any]] = {
    name.removesuffix(".yaml"): yaml.safe_load(text) for name, text in WRITTEN.items()
}
each_document = pytest.mark.parametrize("party", DOCUMENTS)


def test_the_documents_are_what_the_contracts_say_now() -> None:
    assert asyncapi.documents() == WRITTEN, "stale: run make docs"


@each_document
def test_a_document_keeps_the_rules_of_asyncapi(party: str) -> None:
    assert [error.message for error in RULES.iter_errors(DOCUMENTS[party])] == []


def test_a_document_that_breaks_a_rule_is_seen() -> None:
    broken = deepcopy(DOCUMENTS["integrators"])
    del broken["operations"]["receive.tickets.events"]["channel"]
    assert not RULES.is_valid(broken)


@each_document
def test_every_reference_leads_somewhere(party: str) -> None:
    for reference in _references(DOCUMENTS[party]):
        _at(DOCUMENTS[party], reference)


@each_document
def test_an_example_is_valid_by_the_schema_of_its_payload(party: str) -> None:
    document = DOCUMENTS[party]
    for name, message in document["components"]["messages"].items():
        schema = {"components": document["components"], "$ref": message["payload"]["$ref"]}
        judge = jsonschema_rs.Draft7Validator(schema)
        for given in message["examples"]:
            assert [error.message for error in judge.iter_errors(given["payload"])] == [], name


def test_a_payload_without_a_required_field_is_refused() -> None:
    document = DOCUMENTS["integrators"]
    message = document["components"]["messages"]["tickets.TicketClosed.v1"]
    schema = {"components": document["components"], "$ref": message["payload"]["$ref"]}
    payload = {k: v for k, v in message["examples"][0]["payload"].items() if k != "ticket_id"}
    assert not jsonschema_rs.Draft7Validator(schema).is_valid(payload)


def test_every_topic_has_one_sender_and_all_its_readers() -> None:
    for name, topic in TOPICS.items():
        parties = {
            action: {party for party in DOCUMENTS if f"{action}.{name}" in _operations(party)}
            for action in ("send", "receive")
        }
        assert parties["send"] == set(topic.written_by)
        assert parties["receive"] == set(topic.read_by) - {"operators"}


def test_an_operation_names_every_type_of_its_topic() -> None:
    for party in DOCUMENTS:
        for name, operation in _operations(party).items():
            types = [each["$ref"].rpartition("/")[2] for each in operation["messages"]]
            assert types == list(REGISTRIES.get(name.partition(".")[2], {}))


def _operations(party: str) -> dict[str, Any]:
    return DOCUMENTS[party]["operations"]


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
