"""A ticket's detail and timeline, and the commands on it."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Query, Response
from pydantic import BaseModel

from services.gateway.adapters.http.openapi import problem_responses
from services.gateway.adapters.http.signed_in import (
    PersonDependency,
    command_of,
    expected_version,
)
from services.gateway.adapters.media import Media
from services.gateway.adapters.services import Projections, Tickets
from services.gateway.domain.access import Person, scope_of
from services.gateway.domain.cards import Commanded, Names, TicketDetail, TimelineLine
from services.gateway.domain.cursors import InvalidCursorError, opened, signed
from shared.contracts.envelope import Contract
from shared.contracts.internal_api import (
    POSITION_HEADER,
    TicketQuery,
    TimelineQuery,
)
from shared.contracts.ticket_api import COMMON_REFUSALS, TICKET_COMMANDS, TicketCommand
from shared.plumbing.problems import ProblemError

_TIMELINE = "timeline"

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]
IfMatch = Annotated[str | None, Header()]


class Answer(Contract):
    """What a command left; `position` is for `min_position` of the next read."""

    ticket: Commanded
    version: int
    position: str
    message_id: UUID | None = None


class Timeline(Contract):
    """Lines, oldest first; `before` asks for the page before, None on the first one."""

    items: list[TimelineLine]
    before: str | None


class TicketRoutes:
    """Routes under `/v1/tickets/{ticket_id}`."""

    def __init__(
        self,
        tickets: Tickets,
        projections: Projections,
        media: Media,
        names: Names,
        signed_in: PersonDependency,
        cursor_key: bytes,
        new_id: Callable[[], UUID],
    ) -> None:
        self._tickets = tickets
        self._projections = projections
        self._media = media
        self._names = names
        self._signed_in = signed_in
        self._cursor_key = cursor_key
        self._new_id = new_id

    def router(self) -> APIRouter:
        """All of them."""
        routes = APIRouter(prefix="/v1/tickets/{ticket_id}", tags=["tickets"])
        add = routes.add_api_route
        add(
            "",
            self._detail(),
            methods=["GET"],
            operation_id="getTicket",
            responses=problem_responses("not_found", "position_not_reached"),
        )
        add(
            "/timeline",
            self._timeline(),
            methods=["GET"],
            operation_id="getTimeline",
            responses=problem_responses("not_found", "invalid_cursor", "position_not_reached"),
        )
        for command in TICKET_COMMANDS:
            add(
                f"/{command.path}",
                self._endpoint(command),
                methods=["POST"],
                operation_id=command.operation_id,
                summary=command.summary,
                status_code=command.status,
                responses=problem_responses(*command.refusals, *COMMON_REFUSALS),
            )
        return routes

    def _detail(self) -> Callable[..., object]:
        async def detail(
            person: Annotated[Person, Depends(self._signed_in)],
            response: Response,
            ticket_id: UUID,
            min_position: str | None = None,
        ) -> TicketDetail:
            scope = scope_of(person)
            query = TicketQuery(scope=scope, ticket_id=ticket_id, min_position=min_position)
            row, state = await asyncio.gather(
                self._projections.ticket(person, query), self._tickets.state(person, ticket_id)
            )
            card = self._names.card(row, sees_phones=scope.sees_phones)
            response.headers["ETag"] = f'"{state.version}"'
            return TicketDetail(allowed=state.allowed, **card.model_dump())

        return detail

    def _timeline(self) -> Callable[..., object]:
        async def timeline(
            person: Annotated[Person, Depends(self._signed_in)],
            ticket_id: UUID,
            before: str | None = None,
            limit: Annotated[int, Query(ge=1, le=200)] = 50,
            min_position: str | None = None,
        ) -> Timeline:
            purpose = f"{_TIMELINE}:{ticket_id}"
            query = TimelineQuery(
                scope=scope_of(person),
                ticket_id=ticket_id,
                before=None if before is None else self._opened(before, purpose),
                limit=limit,
                min_position=min_position,
            )
            page = await self._projections.timeline(person, query)
            cursor = None
            if page.previous is not None:
                cursor = signed(page.previous, purpose, self._cursor_key)
            return Timeline(items=[self._names.line(item) for item in page.items], before=cursor)

        return timeline

    def _endpoint(self, command: TicketCommand) -> Callable[..., object]:
        async def endpoint(
            *,
            person: Annotated[Person, Depends(self._signed_in)],
            response: Response,
            ticket_id: UUID,
            body: BaseModel | None,
            idempotency_key: IdempotencyKey = None,
            if_match: IfMatch = None,
        ) -> Answer:
            answer = await self._tickets.command(
                person,
                ticket_id,
                command.path,
                await self._media.with_file(person, ticket_id, body or command.body()),
                command_id=command_of(person, idempotency_key, self._new_id),
                expected_version=expected_version(if_match),
            )
            response.headers[POSITION_HEADER] = answer.position
            response.headers["ETag"] = f'"{answer.version}"'
            return Answer(
                ticket=self._names.commanded(answer.ticket),
                version=answer.version,
                position=answer.position,
                message_id=answer.message_id,
            )

        return _signed_as(endpoint, command)

    def _opened(self, cursor: str, purpose: str) -> tuple[datetime, UUID]:
        try:
            return opened(cursor, purpose, self._cursor_key)
        except InvalidCursorError as error:
            code = "invalid_cursor"
            raise ProblemError(code, field="before") from error


def _signed_as(endpoint: Callable[..., object], command: TicketCommand) -> Callable[..., object]:
    """The endpoint with this command's body, and without If-Match where it is not asked."""
    signature = inspect.signature(endpoint)
    parameters = dict(signature.parameters)
    examples = Body(examples=[command.example])
    if command.body_is_optional:
        form = Annotated[command.body | None, examples]
        body = parameters["body"].replace(annotation=form, default=None)
    else:
        body = parameters["body"].replace(annotation=Annotated[command.body, examples])
    parameters["body"] = body
    if not command.uses_if_match:
        del parameters["if_match"]
    endpoint.__signature__ = signature.replace(parameters=[*parameters.values()])  # pyright: ignore[reportFunctionMemberAccess]
    return endpoint
