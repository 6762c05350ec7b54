"""The internal API: commands with typed refusals, a ticket's state, and the feed (D5, D6)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, NoReturn, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from services.tickets.adapters.feed import Feed
from services.tickets.adapters.positions import Epoch, answer_position
from services.tickets.adapters.secrets import SecretMissingError
from services.tickets.domain.refusals import RefusedError
from services.tickets.handlers.asked import Answered, Asked
from services.tickets.handlers.commands import CommandHandler
from services.tickets.handlers.directory import NotInDirectoryError
from services.tickets.handlers.store import KeyDestroyedError, UnknownKeyError
from shared.contracts import internal_api as api
from shared.contracts.problems import PROBLEMS
from shared.plumbing import logs
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.problems import ProblemError
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
IsReady = Callable[[], bool]
"""Whether commands can be judged: secrets and directory are here."""


def commands(
    handler: CommandHandler, epoch: Epoch, verifier: TokenVerifier, is_ready: IsReady
) -> APIRouter:
    """Routes under /internal/tickets/{ticket_id}; for the gateway."""
    routes = APIRouter(prefix="/internal/tickets/{ticket_id}")
    person = _person(verifier, is_ready)
    asking = _asking(person)

    async def answered(response: Response, call: Awaitable[Answered]) -> api.CommandAnswer:
        answer = to_answer(await _or_problem(call), await epoch.now())
        response.headers[api.POSITION_HEADER] = answer.position
        return answer

    async def accept(
        response: Response, asked: Annotated[Asked, Depends(asking)], body: api.Accept
    ) -> api.CommandAnswer:
        return await answered(response, handler.accept(asked, body))

    async def close(
        response: Response, asked: Annotated[Asked, Depends(asking)], body: api.Close
    ) -> api.CommandAnswer:
        return await answered(response, handler.close(asked, body))

    async def reopen(
        response: Response, asked: Annotated[Asked, Depends(asking)], body: api.Reopen
    ) -> api.CommandAnswer:
        return await answered(response, handler.reopen(asked, body))

    async def read(
        response: Response, asked: Annotated[Asked, Depends(asking)], body: api.Read
    ) -> api.CommandAnswer:
        return await answered(response, handler.read(asked, body))

    async def start_flow(
        response: Response, asked: Annotated[Asked, Depends(asking)], body: api.StartFlow
    ) -> api.CommandAnswer:
        return await answered(response, handler.start_flow(asked, body))

    async def send(
        response: Response, asked: Annotated[Asked, Depends(asking)], body: api.SendText
    ) -> api.CommandAnswer:
        return await answered(response, handler.send_text(asked, body))

    async def state(ticket_id: UUID, who: Annotated[Who, Depends(person)]) -> api.TicketState:
        return to_state(await _or_problem(handler.state(*who, ticket_id)))

    routes.add_api_route("", state, methods=["GET"])
    for path, verb in (("accept", accept), ("close", close), ("reopen", reopen), ("read", read)):
        routes.add_api_route(f"/{path}", verb, methods=["POST"])
    routes.add_api_route("/flow", start_flow, methods=["POST"])
    routes.add_api_route("/messages", send, methods=["POST"])
    return routes


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


def _asking(person: Callable[[Caller], Awaitable[Who]]) -> Callable[..., Awaitable[Asked]]:
    async def asking(
        ticket_id: UUID,
        who: Annotated[Who, Depends(person)],
        command_id: Annotated[UUID, Header(alias=api.COMMAND_ID_HEADER)],
        expected: Annotated[int | None, Header(alias=api.EXPECTED_VERSION_HEADER, ge=0)] = None,
        correlation: Annotated[str, Header(alias=api.CORRELATION_HEADER, max_length=200)] = "",
    ) -> Asked:
        return Asked(
            account=who[0],
            agent_id=who[1],
            ticket_id=ticket_id,
            command_id=command_id,
            correlation=correlation or str(command_id),
            expected_version=expected,
        )

    return asking


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
    ) -> api.FeedPage:
        _only(caller, _READS_THE_FEED)
        if stream is None:
            return await _or_problem(feed.after(after, limit))
        return await _or_problem(feed.stream(stream, from_version, limit))

    routes.add_api_route("", events, methods=["GET"])
    return routes


def to_answer(found: Answered, epoch: int) -> api.CommandAnswer:
    """The ticket as the command left it, and where in the log that stands."""
    return api.CommandAnswer(
        ticket=to_state(found),
        version=found.version,
        position=answer_position(epoch, found.ticket.contact_id, found.log_id),
        message_id=found.message_id,
    )


def to_state(found: Answered) -> api.TicketState:
    """The ticket, and what the asking agent may do with it."""
    ticket = found.ticket
    return api.TicketState(
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


def _allowed(refusal: RefusedError | None) -> api.Allowed:
    if refusal is None:
        return api.Allowed(allowed=True)
    return api.Allowed(allowed=False, code=refusal.code, detail=PROBLEMS[refusal.code].title)


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
