"""The internal API: commands with typed refusals, a ticket's state, and the feed (D5, D6)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, NoReturn, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel

from services.tickets.adapters.feed import Feed
from services.tickets.adapters.positions import Epoch, answer_position
from services.tickets.domain.refusals import RefusedError
from services.tickets.handlers.commands import Answered, CommandHandler
from services.tickets.handlers.directory import NotInDirectoryError
from services.tickets.handlers.requests import TicketRequest
from services.tickets.storage.contract import KeyDestroyedError, UnknownKeyError
from shared.contracts import internal_api
from shared.contracts.problems import PROBLEMS
from shared.contracts.ticket_api import TICKET_COMMANDS, TicketCommand
from shared.plumbing import logs
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.problems import ProblemError
from shared.plumbing.secrets_client import SecretMissingError
from shared.plumbing.tokens import Caller, TokenVerifier, caller_dependency
from shared.plumbing.transient import TRANSIENT_ANYWHERE

_SPEAKS_FOR_PEOPLE: Final = frozenset({"gateway"})
_READS_THE_FEED: Final = frozenset({"projections", "bot"})
_AGAIN: Final[Mapping[str, str]] = {"Retry-After": "1"}
_AWAY: Final[tuple[type[Exception], ...]] = (
    *TRANSIENT,
    *TRANSIENT_ANYWHERE,
    UnknownKeyError,
    SecretMissingError,
)
_MOST: Final = 1000
_log = logs.get(__name__)

T = TypeVar("T")
Who = tuple[UUID, UUID]
"""Account and agent."""
Asking = Callable[..., Awaitable[TicketRequest]]
IsReady = Callable[[], bool]
"""Whether commands can be judged: secrets and directory are here."""


def commands(
    handler: CommandHandler, epoch: Epoch, verifier: TokenVerifier, is_ready: IsReady
) -> APIRouter:
    """Routes under /internal/tickets/{ticket_id}; for the gateway."""
    routes = APIRouter(prefix="/internal/tickets/{ticket_id}")
    person = _person(verifier, is_ready)
    asking = _asking(person)

    async def state(
        ticket_id: UUID, who: Annotated[Who, Depends(person)]
    ) -> internal_api.TicketState:
        request = _request(*who, ticket_id, command_id=ticket_id)
        return to_state(await _or_problem(handler.state(request)))

    routes.add_api_route("", state, methods=["GET"])
    for command in TICKET_COMMANDS:
        endpoint = _endpoint(command, handler, epoch, asking)
        routes.add_api_route(f"/{command.path}", endpoint, methods=["POST"])
    return routes


def _endpoint(
    command: TicketCommand, handler: CommandHandler, epoch: Epoch, asking: Asking
) -> Callable[..., Awaitable[internal_api.CommandAnswer]]:
    async def endpoint(
        response: Response,
        request: Annotated[TicketRequest, Depends(asking)],
        body: BaseModel,
    ) -> internal_api.CommandAnswer:
        found = await _or_problem(handler.run(request, command.path, body))
        answer = to_answer(found, await epoch.now())
        response.headers[internal_api.POSITION_HEADER] = answer.position
        return answer

    endpoint.__annotations__["body"] = command.body
    return endpoint


def _person(verifier: TokenVerifier, is_ready: IsReady) -> Callable[[Caller], Awaitable[Who]]:
    calling = caller_dependency(verifier)

    async def person(caller: Annotated[Caller, Depends(calling)]) -> Who:
        _only(caller, _SPEAKS_FOR_PEOPLE)
        if not is_ready():
            _refuse("not_ready", headers=_AGAIN)
        try:
            agent_id = UUID(caller.principal)
        except ValueError:
            _refuse("forbidden")
        if caller.account is None:
            _refuse("forbidden")
        return caller.account, agent_id

    return person


def _asking(person: Callable[[Caller], Awaitable[Who]]) -> Asking:
    async def asking(
        ticket_id: UUID,
        who: Annotated[Who, Depends(person)],
        command_id: Annotated[UUID, Header(alias=internal_api.COMMAND_ID_HEADER)],
        expected: Annotated[
            int | None, Header(alias=internal_api.EXPECTED_VERSION_HEADER, ge=0)
        ] = None,
        correlation: Annotated[
            str, Header(alias=internal_api.CORRELATION_HEADER, max_length=200)
        ] = "",
    ) -> TicketRequest:
        return _request(*who, ticket_id, command_id, correlation, expected)

    return asking


def _request(
    account: UUID,
    agent_id: UUID,
    ticket_id: UUID,
    command_id: UUID,
    correlation: str = "",
    expected_version: int | None = None,
) -> TicketRequest:
    return TicketRequest(
        account=account,
        actor=f"agent:{agent_id}",
        agent_id=agent_id,
        ticket_id=ticket_id,
        command_id=command_id,
        correlation=correlation or str(command_id),
        expected_version=expected_version,
    )


def feeding(feed: Feed, verifier: TokenVerifier) -> APIRouter:
    """`GET /internal/events?after=` (all) or `?stream=&from=` (one stream); for read models."""
    routes = APIRouter(prefix="/internal/events")
    calling = caller_dependency(verifier)

    async def events(
        caller: Annotated[Caller, Depends(calling)],
        after: Annotated[int, Query(ge=0)] = 0,
        stream: Annotated[UUID | None, Query()] = None,
        from_version: Annotated[int, Query(alias="from", ge=1)] = 1,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 500,
    ) -> internal_api.FeedPage:
        _only(caller, _READS_THE_FEED)
        if stream is None:
            return await _or_problem(feed.after(after, limit))
        return await _or_problem(feed.stream(stream, from_version, limit))

    routes.add_api_route("", events, methods=["GET"])
    return routes


def to_answer(found: Answered, epoch: int) -> internal_api.CommandAnswer:
    """The ticket as the command left it, and where in the log that stands."""
    return internal_api.CommandAnswer(
        ticket=to_state(found),
        version=found.version,
        position=answer_position(epoch, found.ticket.contact_id, found.log_id),
        message_id=found.message_id,
    )


def to_state(found: Answered) -> internal_api.TicketState:
    """The ticket, and what the asking agent may do with it."""
    ticket = found.ticket
    return internal_api.TicketState(
        id=ticket.id,
        protocol=ticket.protocol,
        lifecycle=ticket.lifecycle,
        placement=ticket.placement,
        contact_id=ticket.contact_id,
        connection_id=ticket.connection_id,
        conversation_id=ticket.conversation_id,
        sector_id=ticket.sector_id,
        owner_id=ticket.owner_id,
        opened_at=ticket.opened_at,
        closed_at=ticket.closed_at,
        window_closes_at=found.window_closes_at,
        version=found.version,
        allowed={name: _allowed(refusal) for name, refusal in found.allowed.items()},
    )


def _allowed(refusal: RefusedError | None) -> internal_api.Allowed:
    if refusal is None:
        return internal_api.Allowed(allowed=True)
    if refusal.needs:
        return internal_api.Allowed(allowed=True, needs=[*refusal.needs])
    return internal_api.Allowed(
        allowed=False, code=refusal.code, detail=PROBLEMS[refusal.code].title
    )


async def _or_problem(call: Awaitable[T]) -> T:
    """What the call gives, or its refusal as a problem; what is away may be here again soon."""
    try:
        return await call
    except RefusedError as refused:
        raise ProblemError(refused.code, "", headers=None, **refused.extras()) from refused
    except KeyDestroyedError:
        _refuse("contact_erased")
    except NotInDirectoryError:
        _refuse("not_ready", headers=_AGAIN)
    except _AWAY:
        _log.warning("command not judged", exc_info=True)
        _refuse("unavailable", headers=_AGAIN)


def _only(caller: Caller, services: frozenset[str]) -> None:
    if caller.service not in services:
        _refuse("forbidden")


def _refuse(code: str, headers: Mapping[str, str] | None = None) -> NoReturn:
    raise ProblemError(code, headers=headers)
