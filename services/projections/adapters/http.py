"""The internal API: what the gateway asks on behalf of a person."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends
from psycopg.errors import UndefinedColumn, UndefinedTable

from services.projections.adapters.read_your_writes import ReadYourWrites, written
from services.projections.read_models.cards import queries as cards
from services.projections.read_models.contacts import queries as contacts
from services.projections.read_models.read_model import Connection
from services.projections.read_models.timeline import queries as lines
from services.projections.storage import live_model
from shared.contracts.inbox import VIEWS, Row, View
from shared.contracts.internal_api import (
    ContactDetail,
    ContactQuery,
    ContactsPage,
    ContactsQuery,
    CountsAnswer,
    CountsQuery,
    PositionAnswer,
    TicketQuery,
    TimelinePage,
    TimelineQuery,
    ViewCount,
    ViewPage,
    ViewQuery,
)
from shared.plumbing.postgres import Pool
from shared.plumbing.problems import ProblemError
from shared.plumbing.tokens import Caller, TokenVerifier, caller_dependency

T = TypeVar("T")


def router(pool: Pool, waiting: ReadYourWrites, verifier: TokenVerifier) -> APIRouter:
    """Routes under /internal; the account is the token's."""
    routes = APIRouter(prefix="/internal")
    calling = Depends(caller_dependency(verifier))

    async def view(caller: Annotated[Caller, calling], query: ViewQuery) -> ViewPage:
        account = _account(caller)
        checkpoints = await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            rows, more, last = await cards.page(conn, account, query)
            counts = await cards.counts(conn, account, query.scope)
        return ViewPage(
            items=rows,
            next_after=(last, rows[-1].id) if more else None,
            counts=_per_view(counts),
            position=written(checkpoints),
        )

    async def count(caller: Annotated[Caller, calling], query: CountsQuery) -> CountsAnswer:
        account = _account(caller)
        await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            return CountsAnswer(counts=await cards.counts(conn, account, query.scope))

    async def ticket(caller: Annotated[Caller, calling], query: TicketQuery) -> Row:
        account = _account(caller)
        await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            return _found(await cards.ticket(conn, account, query))

    async def timeline(caller: Annotated[Caller, calling], query: TimelineQuery) -> TimelinePage:
        account = _account(caller)
        await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            row = _found(await cards.ticket(conn, account, query))
            return await lines.timeline(conn, account, row.conversation_id, query)

    async def contact_list(
        caller: Annotated[Caller, calling], query: ContactsQuery
    ) -> ContactsPage:
        account = _account(caller)
        checkpoints = await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            items, next_after = await contacts.page(conn, account, query)
        return ContactsPage(items=items, next_after=next_after, position=written(checkpoints))

    async def contact(caller: Annotated[Caller, calling], query: ContactQuery) -> ContactDetail:
        account = _account(caller)
        await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            return _found(await contacts.contact(conn, account, query))

    async def position(_: Annotated[Caller, calling]) -> PositionAnswer:
        checkpoints = await waiting.reach(None)
        return PositionAnswer(
            epoch=max((each.epoch for each in checkpoints.values()), default=0),
            partitions={number: each.log_id for number, each in checkpoints.items()},
        )

    routes.add_api_route("/views/query", view, methods=["POST"])
    routes.add_api_route("/counts/query", count, methods=["POST"])
    routes.add_api_route("/tickets/query", ticket, methods=["POST"])
    routes.add_api_route("/timeline/query", timeline, methods=["POST"])
    routes.add_api_route("/contacts/query", contact_list, methods=["POST"])
    routes.add_api_route("/contact/query", contact, methods=["POST"])
    routes.add_api_route("/position", position, methods=["GET"])
    return routes


@asynccontextmanager
async def _reading(pool: Pool, account: UUID) -> AsyncGenerator[Connection]:
    try:
        async with pool.connection() as conn, conn.transaction():
            await live_model.as_reader(conn, account)
            yield conn
    except (UndefinedTable, UndefinedColumn) as error:  # until the model of our form is built
        code = "unavailable"
        raise ProblemError(code, headers={"Retry-After": "1"}) from error


def _account(caller: Caller) -> UUID:
    if caller.account is None:
        code = "forbidden"
        raise ProblemError(code)
    return caller.account


def _found(answer: T | None) -> T:
    if answer is None:
        code = "not_found"
        raise ProblemError(code)
    return answer


def _per_view(counts: list[ViewCount]) -> dict[View, int]:
    totals = dict.fromkeys(VIEWS, 0)
    for found in counts:
        totals[found.view] += found.tickets
    return totals
