"""Map refusals to problem bodies: Portuguese detail, names beside ids."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request, Response

from services.gateway.domain.cards import Names
from services.gateway.labels import pt_br
from shared.contracts.problems import PROBLEMS
from shared.plumbing.http import UnreachableError
from shared.plumbing.problems import ProblemError, install_problems

Handler = Callable[[Request, Exception], Awaitable[Response] | Response]


def install(app: FastAPI, names: Names) -> None:
    """Every error as problem+json with a sentence that an agent can read."""
    install_problems(app, PROBLEMS, pt_br.PROBLEMS, pt_br.FIELDS)
    for kind in (ProblemError, UnreachableError):
        app.add_exception_handler(kind, _translated(app, names))


def _translated(app: FastAPI, names: Names) -> Handler:
    plain: Any = app.exception_handlers[ProblemError]

    async def handle(request: Request, error: Exception) -> Response:
        problem = error if isinstance(error, ProblemError) else _away()
        extras = {name: _named(name, value, names) for name, value in problem.extras.items()}
        sentence = pt_br.PROBLEMS[problem.code]
        spoken = ProblemError(problem.code, sentence, headers=problem.headers, **extras)
        return await plain(request, spoken)

    return handle


def _away() -> ProblemError:
    return ProblemError("unavailable", headers={"Retry-After": "1"})


def _named(member: str, value: object, names: Names) -> object:
    """`held_by: {agent_id}` of tickets becomes `held_by: {id, name}`."""
    if member != "held_by" or not isinstance(value, Mapping):
        return value
    held: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    agent = held.get("agent_id")
    named = None if agent is None else names.named(UUID(str(agent)))
    return None if named is None else named.model_dump(mode="json")
