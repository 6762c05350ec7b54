"""What really happened? The ledger as JSON, filtered by the query."""

from collections.abc import Mapping
from itertools import islice

import orjson
from aiohttp import web

from deploy.simulator.control.bodies import unprocessable
from deploy.simulator.graph import WORLD
from deploy.simulator.ledger import Item, Request


async def ledger(request: web.Request) -> web.Response:
    """In order; the query names `only`, `after`, `limit` and fields to filter by."""
    kept, query = request.app[WORLD].ledger, request.query
    after, limit = _count(query, "after", 0), _count(query, "limit", None)
    only = query.get("only")
    requests = (entry for entry in kept.requests(after or 0) if _asked(entry, query))
    items = (entry for entry in kept.items(after or 0) if _delivered(entry, query))
    body = orjson.dumps(
        {
            "requests": [] if only == "items" else list(islice(requests, limit)),
            "items": [] if only == "requests" else list(islice(items, limit)),
            "requests_seen": kept.requests_seen,
            "items_seen": kept.items_seen,
        }
    )
    return web.Response(body=body, content_type="application/json")


def _count(query: Mapping[str, str], name: str, default: int | None) -> int | None:
    try:
        return int(query[name]) if name in query else default
    except ValueError as wrong:
        raise unprocessable(reason=f"{name} is a number") from wrong


def _asked(entry: Request, query: Mapping[str, str]) -> bool:
    return (
        query.get("opaque") in {None, entry.opaque}
        and query.get("customer") in {None, entry.person, entry.to}
        and query.get("phone_number_id") in {None, entry.phone_number_id}
        and query.get("kind") in {None, entry.kind}
    )


def _delivered(entry: Item, query: Mapping[str, str]) -> bool:
    return (
        query.get("key") in {None, entry.key}
        and query.get("customer") in {None, entry.person}
        and query.get("phone_number_id") in {None, entry.phone_number_id}
        and query.get("kind") in {None, entry.kind}
    )
