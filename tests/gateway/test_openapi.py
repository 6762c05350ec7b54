"""What the API says of itself is what a generator of clients needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.gateway.app import build_app
from services.gateway.settings import Settings
from shared.contracts.directory import ENTITIES
from shared.contracts.entities import AccountEntity
from shared.contracts.problems import PROBLEMS
from shared.contracts.ticket_api import COMMON_REFUSALS, TICKET_COMMANDS

Operation = dict[str, Any]
_OPEN = {"signIn", "renewSession", "signOut"}


@pytest.fixture
def described(keys_dir: Path) -> dict[str, Any]:
    return build_app(Settings(keys_dir=keys_dir)).openapi()


def operations(described: dict[str, Any]) -> Iterator[Operation]:
    for path in described["paths"].values():
        yield from path.values()


def codes(operation: Operation) -> dict[str, set[str]]:
    return {
        status: set(answer["x-problem-codes"])
        for status, answer in operation["responses"].items()
        if "x-problem-codes" in answer
    }


def test_every_operation_declares_its_problems_with_their_codes(described: dict[str, Any]) -> None:
    for operation in operations(described):
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                (media_type,) = answer["content"]
                assert media_type == "application/problem+json", operation["operationId"]
                assert all(
                    PROBLEMS[code].status == int(status) for code in codes(operation)[status]
                )
        assert "invalid_request" in codes(operation)["422"]


def test_a_command_declares_every_refusal_of_its_row(described: dict[str, Any]) -> None:
    found = {each["operationId"]: each for each in operations(described)}
    for command in TICKET_COMMANDS:
        declared = set[str]().union(*codes(found[command.operation_id]).values())
        assert declared >= {*command.refusals, *COMMON_REFUSALS}


def test_the_frameworks_own_problem_is_nowhere(described: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in str(described)
    assert "Problem" in described["components"]["schemas"]


def test_whoever_must_sign_in_finds_the_scheme(described: dict[str, Any]) -> None:
    scheme = described["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for operation in operations(described):
        needed = "[]" if operation["operationId"] in _OPEN else "[{'bearer': []}]"
        assert str(operation.get("security", [])) == needed, operation["operationId"]
        names = [parameter["name"].lower() for parameter in operation.get("parameters", [])]
        assert "authorization" not in names


def test_every_body_has_an_example(described: dict[str, Any]) -> None:
    for operation in operations(described):
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            schema = content["schema"]
            assert content.get("examples") or schema.get("examples"), operation["operationId"]


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    names = [each["operationId"] for each in operations(described)]
    assert len(set(names)) == len(names)


def test_every_collection_has_a_name_in_portuguese(described: dict[str, Any]) -> None:
    named = {tag["name"] for tag in described["tags"]}
    assert named == {kind.COLLECTION for kind in ENTITIES if issubclass(kind, AccountEntity)}
