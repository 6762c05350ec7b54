"""Refusals and parameters of each route in OpenAPI; a parameter not described is refused."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field

from services.gateway.domain.cards import Named
from services.gateway.labels import pt_br
from shared.contracts.envelope import Contract
from shared.contracts.problems import PROBLEMS

Responses = dict[int | str, dict[str, Any]]

ANYWHERE: Final = ("invalid_request", "body_too_large", "unavailable", "internal_error")
"""Refusals of every route."""
SIGNED_IN: Final = ("unauthenticated", "not_ready")
"""Refusals of every route for people who are signed in."""


class Problem(Contract):
    """A refusal (RFC 9457); what stands beside `code` depends on it."""

    type: str = Field(examples=["urn:guiche:problem:invalid_request"])
    title: str
    status: int
    code: str
    detail: str | None = None
    field: str | None = None
    fields: list[str] | None = None
    reason: str | None = None
    limit: float | None = None
    version: int | None = None
    id: UUID | None = None
    held_by: Named | None = None
    since: str | None = None


def problem_responses(*codes: str, signed_in: bool = True) -> Responses:
    """`responses` of a route that can refuse with these codes, and with those of every route."""
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys((*codes, *(SIGNED_IN if signed_in else ()), *ANYWHERE)):
        found.setdefault(PROBLEMS[code].status, []).append(code)
    return {status: _response(status, found[status]) for status in sorted(found)}


def install(app: FastAPI) -> None:
    """Complete the description, and refuse query parameters that it does not know.

    Call it before the routes are added.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        described = generate()
        schemas = described.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs", {}) | {"Problem": problem}
        labels = pt_br.ENTITIES.items()
        described["tags"] = [{"name": name, "description": text} for name, text in labels]
        return described

    app.openapi = openapi
    app.router.dependencies.append(Depends(_only_described_parameters))


async def _only_described_parameters(request: Request) -> None:
    if not request.query_params:
        return
    app: FastAPI = request.app
    operation = app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    described = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    unknown = [name for name in request.query_params if name not in described]
    if unknown:
        errors = [{"type": "extra_forbidden", "loc": ("query", name)} for name in unknown]
        raise RequestValidationError(errors)


def _response(status: int, codes: Iterable[str]) -> dict[str, Any]:
    listed = tuple(codes)
    return {
        "description": "; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in listed),
        "x-problem-codes": list(listed),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": _example(code, status)} for code in listed},
            }
        },
    }


def _example(code: str, status: int) -> dict[str, Any]:
    return {
        "type": f"urn:guiche:problem:{code}",
        "title": PROBLEMS[code].title,
        "status": status,
        "code": code,
        "detail": pt_br.PROBLEMS[code],
    }
