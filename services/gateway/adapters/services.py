"""Call the other services over internal HTTP; refusals keep their code."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

from services.gateway.domain.access import Person
from services.gateway.labels import pt_br
from shared.contracts.inbox import Row
from shared.contracts.internal_api import (
    COMMAND_ID_HEADER,
    EXPECTED_VERSION_HEADER,
    CommandAnswer,
    ContactDetail,
    ContactQuery,
    ContactsPage,
    ContactsQuery,
    CountsAnswer,
    CountsQuery,
    Credentials,
    RefreshRequest,
    SessionAnswer,
    TicketQuery,
    TicketState,
    TimelinePage,
    TimelineQuery,
    ViewPage,
    ViewQuery,
)
from shared.contracts.problems import PROBLEMS
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.problems import ProblemError

_ANONYMOUS = "gateway"
_Body = TypeVar("_Body", bound=BaseModel)
_PROBLEM: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class Directory:
    """Sessions (directory owns logins and refresh tokens)."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def sign_in(self, credentials: Credentials) -> SessionAnswer:
        """A new session; raises ProblemError `invalid_credentials`."""
        return read(SessionAnswer, await self._post("/internal/sessions", credentials))

    async def renew(self, request: RefreshRequest) -> SessionAnswer:
        """The session with its next refresh token; raises ProblemError `unauthenticated`."""
        try:
            return read(SessionAnswer, await self._post("/internal/sessions/refresh", request))
        except ProblemError as error:
            if error.code != "invalid_credentials":
                raise
            code = "unauthenticated"  # no login or password was given that could be wrong
            raise ProblemError(code) from error

    async def sign_out(self, request: RefreshRequest) -> None:
        """End the session."""
        _refuse(await self._post("/internal/sessions/end", request))

    async def _post(self, path: str, body: BaseModel) -> Answer:
        return await self._client.post(
            path, body.model_dump_json().encode(), account=None, principal=_ANONYMOUS
        )


class Tickets:
    """Commands, answered with the new state or a typed refusal (D5)."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def command(
        self,
        person: Person,
        ticket_id: UUID,
        verb: str,
        body: BaseModel,
        *,
        command_id: UUID,
        expected_version: int | None,
    ) -> CommandAnswer:
        """Send one command; raises ProblemError with the code of the refusal."""
        headers = {COMMAND_ID_HEADER: str(command_id)}
        if expected_version is not None:
            headers[EXPECTED_VERSION_HEADER] = str(expected_version)
        answer = await self._client.post(
            f"/internal/tickets/{ticket_id}/{verb}",
            body.model_dump_json().encode(),
            account=person.account_id,
            principal=str(person.id),
            roles=person.roles,
            headers=headers,
            repeatable=True,  # the command id stays the same (D5)
        )
        done = read(CommandAnswer, answer)
        return done.model_copy(update={"ticket": _spoken(done.ticket)})

    async def state(self, person: Person, ticket_id: UUID) -> TicketState:
        """The ticket, and what this person may do with it now."""
        answer = await self._client.get(
            f"/internal/tickets/{ticket_id}",
            account=person.account_id,
            principal=str(person.id),
            roles=person.roles,
        )
        return _spoken(read(TicketState, answer))


class Projections:
    """The read models."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def view(self, person: Person, query: ViewQuery) -> ViewPage:
        """A page of a view."""
        return read(ViewPage, await self._ask(person, "views", query))

    async def counts(self, person: Person, query: CountsQuery) -> CountsAnswer:
        """Counters of what this person may see."""
        return read(CountsAnswer, await self._ask(person, "counts", query))

    async def ticket(self, person: Person, query: TicketQuery) -> Row:
        """One ticket; raises ProblemError `not_found`, also when it is out of sight."""
        return read(Row, await self._ask(person, "tickets", query))

    async def timeline(self, person: Person, query: TimelineQuery) -> TimelinePage:
        """A page of a conversation."""
        return read(TimelinePage, await self._ask(person, "timeline", query))

    async def contacts(self, person: Person, query: ContactsQuery) -> ContactsPage:
        """A page of contacts."""
        return read(ContactsPage, await self._ask(person, "contacts", query))

    async def contact(self, person: Person, query: ContactQuery) -> ContactDetail:
        """One contact; raises ProblemError `not_found`, also when it is out of sight."""
        return read(ContactDetail, await self._ask(person, "contact", query))

    async def _ask(self, person: Person, what: str, query: BaseModel) -> Answer:
        return await self._client.post(
            f"/internal/{what}/query",
            query.model_dump_json().encode(),
            account=person.account_id,
            principal=str(person.id),
            roles=person.roles,
            repeatable=True,
        )


def _spoken(state: TicketState) -> TicketState:
    """With the reasons of what is not allowed in words for an agent."""
    allowed = {
        name: one.model_copy(update={"detail": one.code and pt_br.PROBLEMS.get(one.code)})
        for name, one in state.allowed.items()
    }
    return state.model_copy(update={"allowed": allowed})


def read(kind: type[_Body], answer: Answer) -> _Body:
    """The body of an answer; raises ProblemError with the code of a refusal."""
    _refuse(answer)
    return kind.model_validate_json(answer.body)


def _refuse(answer: Answer) -> None:
    """Raise what the other service refused, with its code and extras."""
    if answer.status < HTTPStatus.BAD_REQUEST:
        return
    problem = _problem(answer.body)
    code = str(problem.get("code", ""))
    if code not in PROBLEMS or code == "unauthenticated":
        unavailable = "unavailable"
        raise ProblemError(unavailable, headers={"Retry-After": "1"})
    extras = {name: value for name, value in problem.items() if name not in _OWN_MEMBERS}
    raise ProblemError(code, headers=_kept(answer.headers), **extras)


def _problem(body: bytes) -> dict[str, Any]:
    try:
        return _PROBLEM.validate_json(body)
    except ValidationError:
        return {}


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name.lower()] for name in _KEPT if name.lower() in headers}


_KEPT = ("Retry-After", "Content-Range")
_OWN_MEMBERS = frozenset({"type", "title", "status", "code", "detail"})
