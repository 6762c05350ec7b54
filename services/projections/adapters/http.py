"""The internal API: what the gateway asks for a person."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.projections.adapters import queries
from services.projections.adapters.queries import Connection
from services.projections.adapters.waiting import Waiting, written
from shared.contracts.inbox import VIEWS, Row, View
from shared.contracts.internal_api import (
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


def router(pool: Pool, waiting: Waiting, verifier: TokenVerifier) -> APIRouter:
    """Routes under /internal; the account is the token's."""
    routes = APIRouter(prefix="/internal")
    calling = Depends(caller_dependency(verifier))

    async def view(caller: Annotated[Caller, calling], query: ViewQuery) -> ViewPage:
        account = _account(caller)
        places = await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            rows, more, last = await queries.page(conn, account, query)
            counts = await queries.counts(conn, account, query.scope)
        return ViewPage(
            items=rows,
            next_after=(last, rows[-1].id) if more else None,
            counts=_per_view(counts),
            position=written(places),
        )

    async def count(caller: Annotated[Caller, calling], query: CountsQuery) -> CountsAnswer:
        account = _account(caller)
        await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            return CountsAnswer(counts=await queries.counts(conn, account, query.scope))

    async def ticket(caller: Annotated[Caller, calling], query: TicketQuery) -> Row:
        account = _account(caller)
        await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            return _found(await queries.ticket(conn, account, query))

    async def timeline(caller: Annotated[Caller, calling], query: TimelineQuery) -> TimelinePage:
        account = _account(caller)
        await waiting.reach(query.min_position)
        async with _reading(pool, account) as conn:
            row = _found(await queries.ticket(conn, account, query))
            return await queries.timeline(conn, account, row.conversation_id, query)

    async def position(_: Annotated[Caller, calling]) -> PositionAnswer:
        places = await waiting.reach(None)
        return PositionAnswer(
            epoch=max((place.epoch for place in places.values()), default=0),
            partitions={number: place.log_id for number, place in places.items()},
        )

    routes.add_api_route("/views/query", view, methods=["POST"])
    routes.add_api_route("/counts/query", count, methods=["POST"])
    routes.add_api_route("/tickets/query", ticket, methods=["POST"])
    routes.add_api_route("/timeline/query", timeline, methods=["POST"])
    routes.add_api_route("/position", position, methods=["GET"])
    return routes


@asynccontextmanager
async def _reading(pool: Pool, account: UUID) -> AsyncGenerator[Connection]:
    async with pool.connection() as conn, conn.transaction():
        await queries.as_reader(conn, account)
        yield conn


def _account(caller: Caller) -> UUID:
    if caller.account is None:
        code = "forbidden"
        raise ProblemError(code)
    return caller.account


def _found(row: Row | None) -> Row:
    if row is None:
        code = "not_found"
        raise ProblemError(code)
    return row


def _per_view(counts: list[ViewCount]) -> dict[View, int]:
    totals = dict.fromkeys(VIEWS, 0)
    for found in counts:
        totals[found.view] += found.tickets
    return totals
