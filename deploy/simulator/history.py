"""What does Meta tell of a known message? `GET /{PHONE_ID}/message_history` (Cloud API 14.3)."""

from datetime import UTC, datetime

from aiohttp import web

from deploy.simulator.errors import RefusedError
from deploy.simulator.graph import WORLD, authorised
from deploy.simulator.json_values import Json
from deploy.simulator.world import History


async def message_history(request: web.Request) -> web.Response:
    """The statuses of one wamid; nothing for a wamid that is not this number's."""
    world = request.app[WORLD]
    try:
        number = authorised(world, request)
        wamid = request.query.get("message_id")
        if not wamid:
            raise RefusedError(131008, "The parameter message_id is required.")  # noqa: TRY301
    except RefusedError as refused:
        return web.json_response(refused.body(), status=refused.http_status)
    history = world.history(wamid)
    known = history is not None and history.sent.number == number
    return web.json_response({"data": [_shape(history)] if known and history else []})


def _shape(history: History) -> Json:
    events = [
        {
            "delivery_status": name.upper(),
            "timestamp": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        }
        for name, at in history.events
    ]
    wamid = history.sent.wamid
    return {"id": wamid[-24:], "message_id": wamid, "events": {"data": events}}
