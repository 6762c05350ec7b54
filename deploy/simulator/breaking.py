"""How does an answer go wrong on the wire? Cut, half closed, cut in its body, HTML."""

import asyncio
from typing import Final

from aiohttp import web

from deploy.simulator.ledger import Request

_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
_HALF_CLOSED_SECONDS: Final = 2.0


async def cut(request: web.Request, entry: Request) -> web.StreamResponse:
    """Reset the connection without a byte of answer."""
    entry.answer = "cut"
    if request.transport:
        request.transport.abort()
    return web.Response()


async def half_close(request: web.Request, entry: Request) -> web.StreamResponse:
    """Say that nothing more will come, yet keep listening for a while."""
    entry.answer = "half_close"
    if request.transport and request.transport.can_write_eof():
        request.transport.write_eof()
        await asyncio.sleep(_HALF_CLOSED_SECONDS)
        request.transport.abort()
    return web.Response()


async def cut_body(request: web.Request, entry: Request, body: bytes) -> web.StreamResponse:
    """Promise a 200 with this body, send half of it, and hang up."""
    entry.answer = "cut_body"
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    answer.content_length = len(body)
    answer.force_close()
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return answer


def html_502(entry: Request) -> web.Response:
    """What a proxy in front of Meta says."""
    entry.answer = "502"
    return web.Response(status=502, text=_HTML, content_type="text/html")
