"""Dependencies of routes: who is signed in, and the headers of a command."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from uuid import UUID

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.gateway.adapters.access_tokens import AccessTokens, InvalidAccessTokenError
from services.gateway.adapters.directory import DirectoryTable
from services.gateway.domain.access import Person
from services.gateway.domain.command_id import command_id
from shared.plumbing.problems import ProblemError

PersonDependency = Callable[[HTTPAuthorizationCredentials | None], Awaitable[Person]]
_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    bearerFormat="JWT",
    description="The `access_token` of `POST /v1/sessions`.",
)
_LONGEST_VERSION: Final = 18  # digits of a bigint


def person_dependency(
    tokens: AccessTokens, book: DirectoryTable, is_ready: Callable[[], bool]
) -> PersonDependency:
    """The signed-in person, with the roles and sectors of this instant; else 401.

    Before the book is read whole, 503: nobody is unknown yet, and names would be missing on cards.
    Asynchronous, as all dependencies are: others cost a thread per request.
    """

    async def signed_in(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Person:
        if not is_ready():
            code = "not_ready"
            raise ProblemError(code, headers={"Retry-After": "1"})
        token = "" if credentials is None else credentials.credentials
        try:
            person = book.person(tokens.read(token))
        except InvalidAccessTokenError:
            person = None
        if person is None:
            code = "unauthenticated"
            raise ProblemError(code, headers={"WWW-Authenticate": "Bearer"})
        return person

    return signed_in


def command_of(person: Person, idempotency_key: str | None, new_id: Callable[[], UUID]) -> UUID:
    """The command's id: of the caller's key, or a fresh one (then a repeat is a new command)."""
    return new_id() if idempotency_key is None else command_id(person.id, idempotency_key)


def expected_version(if_match: str | None) -> int | None:
    """The version of an `If-Match: "12"`; raises ProblemError `invalid_request`."""
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_VERSION:
        code = "invalid_request"
        raise ProblemError(code, field="If-Match")
    return int(text)
