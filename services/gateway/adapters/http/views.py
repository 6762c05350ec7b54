"""Lists and counters of what a person may see."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.adapters.counting import per_view
from services.gateway.adapters.http.openapi import problem_responses
from services.gateway.adapters.http.signed_in import PersonDependency
from services.gateway.adapters.services import Projections
from services.gateway.domain.access import Person, scope_of
from services.gateway.domain.cards import Card, Named, Names
from services.gateway.domain.cursors import InvalidCursorError, opened, signed
from shared.contracts.envelope import Contract
from shared.contracts.inbox import View
from shared.contracts.internal_api import (
    POSITION_HEADER,
    WITHOUT_NUL,
    CountsQuery,
    ViewCount,
    ViewQuery,
)
from shared.plumbing.problems import ProblemError


class CardPage(Contract):
    """A page of cards; `next_cursor` is None on the last one."""

    items: list[Card]
    next_cursor: str | None
    counts: dict[View, int]


class Count(Contract):
    """How many tickets stand in a view under a sector and owner."""

    view: View
    sector: Named | None
    owner: Named | None
    tickets: int


class Counts(Contract):
    """Absolute counters of what this person may see."""

    views: dict[str, int]
    items: list[Count]


def router(
    projections: Projections, names: Names, signed_in: PersonDependency, cursor_key: bytes
) -> APIRouter:
    """`/v1/views/{view}` and `/v1/counts`."""
    routes = APIRouter(prefix="/v1", tags=["views"])

    async def list_view(
        person: Annotated[Person, Depends(signed_in)],
        response: Response,
        view: View,
        q: Annotated[str | None, Query(max_length=100, pattern=WITHOUT_NUL)] = None,
        sector: Annotated[list[UUID] | None, Query()] = None,
        agent: UUID | None = None,
        connection: UUID | None = None,
        unread: bool | None = None,  # noqa: FBT001  a query parameter
        opened_from: Annotated[datetime | None, Query(alias="from")] = None,
        opened_to: Annotated[datetime | None, Query(alias="to")] = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        min_position: str | None = None,
    ) -> CardPage:
        scope = scope_of(person)
        query = ViewQuery(
            scope=scope,
            view=view,
            q=q,
            sector_ids=sector,
            owner_id=agent,
            connection_id=connection,
            unread=unread,
            opened_from=opened_from,
            opened_to=opened_to,
            after=None if cursor is None else _opened(cursor, view, cursor_key),
            limit=limit,
            min_position=min_position,
        )
        page = await projections.view(person, query)
        response.headers[POSITION_HEADER] = page.position
        return CardPage(
            items=[names.card(row, sees_phones=scope.sees_phones) for row in page.items],
            next_cursor=None
            if page.next_after is None
            else signed(page.next_after, view, cursor_key),
            counts=page.counts,
        )

    async def count(
        person: Annotated[Person, Depends(signed_in)], min_position: str | None = None
    ) -> Counts:
        query = CountsQuery(scope=scope_of(person), min_position=min_position)
        found = (await projections.counts(person, query)).counts
        return Counts(views=per_view(found), items=[_count(one, names) for one in found])

    add = routes.add_api_route
    add(
        "/views/{view}",
        list_view,
        methods=["GET"],
        operation_id="listView",
        responses=problem_responses("invalid_cursor", "position_not_reached"),
    )
    add(
        "/counts",
        count,
        methods=["GET"],
        operation_id="getCounts",
        responses=problem_responses("position_not_reached"),
    )
    return routes


def _opened(cursor: str, purpose: str, key: bytes) -> tuple[datetime, UUID]:
    try:
        return opened(cursor, purpose, key)
    except InvalidCursorError as error:
        code = "invalid_cursor"
        raise ProblemError(code, field="cursor") from error


def _count(found: ViewCount, names: Names) -> Count:
    return Count(
        view=found.view,
        sector=names.named(found.sector_id),
        owner=names.named(found.owner_id),
        tickets=found.tickets,
    )
