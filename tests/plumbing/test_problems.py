"""Every error is a problem with a code, and never shows what was sent."""

from typing import Annotated

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from shared.contracts.problems import PROBLEMS
from shared.plumbing.problems import ProblemError, install_problems


class Body(BaseModel):
    """What the test's route takes."""

    text: Annotated[str, Field(max_length=10)]
    numbers: list[int] = []


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    install_problems(app, PROBLEMS)

    async def accept() -> None:
        code = "already_accepted"
        raise ProblemError(code, "Bia has it", headers={"Retry-After": "1"}, owner="bia", version=4)

    async def say(_: Body) -> None: ...

    async def break_down() -> None:
        raise ValueError("+55 11 91234-5678")  # noqa: EM101, TRY003

    async def teapot() -> None:
        raise HTTPException(418)

    app.post("/accept")(accept)
    app.post("/say")(say)
    app.get("/broken")(break_down)
    app.get("/teapot")(teapot)
    return TestClient(app, raise_server_exceptions=False)


def test_a_refusal_has_its_status_title_and_members(client: TestClient) -> None:
    answer = client.post("/accept")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.status_code == 409
    assert answer.json() == {
        "type": "urn:guiche:problem:already_accepted",
        "title": PROBLEMS["already_accepted"].title,
        "status": 409,
        "code": "already_accepted",
        "detail": "Bia has it",
        "owner": "bia",
        "version": 4,
    }


def test_a_wrong_field_is_named_and_its_value_is_not_echoed(client: TestClient) -> None:
    answer = client.post("/say", json={"text": "oi", "numbers": [1, "Maria"]})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["field"] == "numbers.1"
    assert answer.json()["reason"] == "int_parsing"
    assert "Maria" not in answer.text


def test_a_limit_is_told(client: TestClient) -> None:
    answer = client.post("/say", json={"text": "o" * 11, "numbers": []})
    said = answer.json()
    assert (said["field"], said["reason"], said["limit"]) == ("text", "string_too_long", 10)


def test_a_body_that_is_no_json_is_not_echoed_either(client: TestClient) -> None:
    answer = client.post("/say", content=b"{Maria", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["field"] == "body"
    assert "Maria" not in answer.text


def test_an_unknown_path_and_a_wrong_method_are_problems(client: TestClient) -> None:
    assert client.get("/nowhere").json()["code"] == "not_found"
    wrong = client.get("/accept")
    assert wrong.status_code == wrong.json()["status"] == 405
    assert wrong.json()["code"] == "method_not_allowed"
    assert wrong.headers["allow"] == "POST"
    assert client.get("/teapot").status_code == 418


def test_what_breaks_on_our_side_says_no_more_than_that(client: TestClient) -> None:
    answer = client.get("/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "91234" not in answer.text
