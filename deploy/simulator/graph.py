"""What does Meta answer to `POST /messages`? Who may call, what is accepted, what goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, cast

import orjson
from aiohttp import web

from deploy.simulator import breaking
from deploy.simulator.accepting import (
    Acceptance,
    accept,
    refuse_by_pace,
    window_refusal,
)
from deploy.simulator.errors import RefusedError
from deploy.simulator.faults import Kind
from deploy.simulator.json_values import Json, as_object
from deploy.simulator.ledger import Request
from deploy.simulator.shapes import Number
from deploy.simulator.statuses import send_before_answer
from deploy.simulator.validation import Outgoing, Receipt, read_call
from deploy.simulator.world import World

WORLD: Final = web.AppKey("world", World)
_SERVER_ERROR: Final = 500


async def messages(request: web.Request) -> web.StreamResponse:
    """`POST /{version}/{PHONE_ID}/messages`."""
    world = request.app[WORLD]
    where = request.match_info["phone_number_id"]
    entry = world.ledger.request(where, "unreadable")
    try:
        number = authorised(world, request)
        call = read_call(await _body(request))
        if isinstance(call, Receipt):
            return _read(world, entry, call)
        return await _send(world, request, entry, number, call)
    except RefusedError as refused:
        return _refusal(entry, refused)


def authorised(world: World, request: web.Request) -> Number:
    """The number of the path, when the bearer token is good for it."""
    where = request.match_info["phone_number_id"]
    if token_of(world, request) not in {"", where}:
        raise RefusedError(190)
    number = world.numbers.get(where)
    if number is None:
        details = f"Object with ID '{where}' does not exist or is not visible to this token"
        raise RefusedError(100, details, subcode=33)
    return number


def token_of(world: World, request: web.Request) -> str | None:
    """The number that the bearer token is bound to, "" for all numbers, None for a wrong token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        return None
    tokens = world.settings.access_tokens
    return "" if tokens is None else tokens.get(token)


async def _body(request: web.Request) -> Json:
    try:
        body = as_object(cast("object", orjson.loads(await request.read())))
    except ValueError:
        body = None
    if body is None:
        raise RefusedError(100, "The body is not a JSON object.")
    return body


def _read(world: World, entry: Request, receipt: Receipt) -> web.Response:
    entry.kind, entry.message_id = (
        ("typing" if receipt.typing else "read"),
        receipt.message_id,
    )
    entry.accepted = True
    entry.person = world.mark_read(receipt.message_id)
    return _answer(entry, {"success": True})


async def _send(
    world: World, request: web.Request, entry: Request, number: Number, call: Outgoing
) -> web.StreamResponse:
    entry.kind, entry.to, entry.type = "message", call.to, call.type
    entry.text, entry.opaque, entry.media_id = call.text, call.opaque, call.media_id
    _check_media_id(world, number, call)
    broken = await _break_before(world, request, entry)
    if broken is not None:
        return broken
    person = world.people.meet(call.to)
    entry.person = person.key
    refuse_by_pace(world, number, person)
    late = window_refusal(world, number, person, call)
    acceptance = accept(world, entry, number, person, call, late=late)
    return await _break_after(world, request, entry, acceptance)


def _check_media_id(world: World, number: Number, call: Outgoing) -> None:
    if call.media_id is None:
        return
    upload = world.uploads.find(call.media_id, world.clock.now())
    if upload is None or upload.phone_number_id != number.phone_number_id:
        raise RefusedError(100, f"Param {call.type}['id'] is not a media id of this number.")


async def _break_before(
    world: World, request: web.Request, entry: Request
) -> web.StreamResponse | None:
    where = entry.phone_number_id
    if fault := world.faults.draw(Kind.REFUSE, where):
        entry.fault = fault.kind
        raise RefusedError(fault.code or 1, "refused on purpose")
    if fault := world.faults.draw(Kind.ERROR_5XX_BEFORE_ACCEPT, where):
        entry.fault = fault.kind
        raise _server_error(fault.code)
    if world.faults.draw(Kind.CUT_BEFORE_ACCEPT, where):
        entry.fault = Kind.CUT_BEFORE_ACCEPT
        return await breaking.cut(request, entry)
    fault = world.faults.draw(Kind.HTML_502, where)
    if fault:
        entry.fault = fault.kind
    return breaking.html_502(entry) if fault and not fault.accept else None


def _server_error(code: int | None) -> RefusedError:
    error = RefusedError(code or 131000)
    error.http_status = max(error.http_status, _SERVER_ERROR)
    return error


async def _break_after(
    world: World, request: web.Request, entry: Request, acceptance: Acceptance
) -> web.StreamResponse:
    where = entry.phone_number_id
    if entry.fault == Kind.HTML_502:
        return breaking.html_502(entry)
    if acceptance.status_first:
        entry.fault = Kind.STATUS_BEFORE_ANSWER
        await send_before_answer(world, acceptance.sent)
    if fault := world.faults.draw(Kind.SLOW, where):
        entry.fault = fault.kind
        await asyncio.sleep((fault.ms or 1000) / 1000)
    if fault := world.faults.draw(Kind.ERROR_5XX_AFTER_ACCEPT, where):
        entry.fault = fault.kind
        raise _server_error(fault.code)
    for kind, break_off in _CUTS.items():
        if world.faults.draw(kind, where):
            entry.fault = kind
            return await break_off(request, entry)
    if world.faults.draw(Kind.CUT_BODY_OF_2XX, where):
        entry.fault = Kind.CUT_BODY_OF_2XX
        return await breaking.cut_body(request, entry, orjson.dumps(acceptance.answer))
    return _answer(entry, acceptance.answer)


_CUTS: Final[dict[Kind, Callable[[web.Request, Request], Awaitable[web.StreamResponse]]]] = {
    Kind.CUT_AFTER_ACCEPT: breaking.cut,
    Kind.HALF_CLOSE: breaking.half_close,
}


def _answer(entry: Request, body: Json) -> web.Response:
    entry.answer = "200"
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _refusal(entry: Request, refused: RefusedError) -> web.Response:
    entry.answer, entry.code = str(refused.http_status), refused.code
    return web.json_response(refused.body(), status=refused.http_status)
