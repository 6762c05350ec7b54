"""Meta's media API: upload, address, download and deletion of files (Cloud API 10)."""

import hashlib
import hmac
from typing import Final
from urllib.parse import urlencode

from aiohttp import BodyPartReader, web

from deploy.simulator.errors import RefusedError
from deploy.simulator.faults import Kind
from deploy.simulator.files import File, file_of
from deploy.simulator.graph import WORLD, authorised, token_of
from deploy.simulator.ledger import Request
from deploy.simulator.world import World

_MOST_BYTES: Final = 100 * 1024 * 1024
_URL_LIVES_SECONDS: Final = 300
_READ_BYTES: Final = 256 * 1024
_ACCEPTED: Final = {  # what may be uploaded, and how large it may be
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * 1024 * 1024),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * 1024 * 1024),
    **dict.fromkeys(
        ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * 1024 * 1024
    ),
    "image/webp": 500 * 1024,
}


async def upload(request: web.Request) -> web.Response:
    """`POST /{version}/{PHONE_ID}/media`."""
    world = request.app[WORLD]
    where = request.match_info["phone_number_id"]
    entry = world.ledger.request(where, "upload")
    try:
        number = authorised(world, request)
        if fault := world.faults.draw(Kind.UPLOAD_REFUSE, where):
            entry.fault = fault.kind
            raise RefusedError(fault.code or 131053, "refused on purpose")  # noqa: TRY301
        file = await _form(request, entry)
    except RefusedError as refused:
        entry.answer, entry.code = str(refused.http_status), refused.code
        return _refusal(refused)
    kept = world.uploads.add(number.phone_number_id, file, world.clock.now())
    entry.accepted, entry.answer, entry.media_id = True, "200", kept.id
    return web.json_response({"id": kept.id})


async def _form(request: web.Request, entry: Request) -> File:
    if not request.content_type.startswith("multipart/"):
        raise RefusedError(100, "The body is not a multipart form.")
    fields: dict[str, str] = {}
    file: File | None = None
    form = await request.multipart()
    while (part := await form.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise RefusedError(100, "A part of the form is a form itself.")
        if part.name == "file":
            declared = part.headers.get("Content-Type", "")
            file = File(declared, await _bounded(part))
        else:
            fields[part.name or ""] = (await part.read(decode=True)).decode()
    if fields.get("messaging_product") != "whatsapp":
        raise RefusedError(100, "Param messaging_product must be one of {WHATSAPP}")
    if file is None:
        raise RefusedError(131008, "The parameter file is required.")
    entry.type = mime_type = fields.get("type") or file.mime_type
    _check(mime_type, file.data)
    return File(mime_type, file.data)


async def _bounded(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(_READ_BYTES):
        data += chunk
        if len(data) > _MOST_BYTES:
            raise RefusedError(131053, "The file is too large.")
    return bytes(data)


def _check(mime_type: str, data: bytes) -> None:
    plain = mime_type.partition(";")[0]
    is_document = plain == "text/plain" or plain.startswith("application/")
    most = _ACCEPTED.get(plain, _MOST_BYTES if is_document else 0)
    if not data or len(data) > most:
        raise RefusedError(131053, f"{plain}: not a type or size that can be sent.")


async def describe(request: web.Request) -> web.Response:
    """`GET /{version}/{MEDIA_ID}`: where the bytes are for the next five minutes."""
    world, media_id = request.app[WORLD], request.match_info["media_id"]
    try:
        file = _found(world, request)
    except RefusedError as refused:
        return _refusal(refused)
    until = int(world.clock.now()) + _URL_LIVES_SECONDS
    query = urlencode({"mid": media_id, "ext": until, "hash": _signed(world, media_id, until)})
    return web.json_response(
        {
            "messaging_product": "whatsapp",
            "url": f"{request.scheme}://{request.host}/attachments?{query}",
            "mime_type": file.mime_type,
            "sha256": hashlib.sha256(file.data).hexdigest(),
            "file_size": str(len(file.data)),
            "id": media_id,
        }
    )


async def delete(request: web.Request) -> web.Response:
    """`DELETE /{version}/{MEDIA_ID}`."""
    world = request.app[WORLD]
    try:
        _found(world, request)
    except RefusedError as refused:
        return _refusal(refused)
    world.uploads.remove(request.match_info["media_id"])
    return web.json_response({"success": True})


async def download(request: web.Request) -> web.Response:
    """The bytes, for a bearer token and an address that is not too old."""
    world, media_id = request.app[WORLD], request.query.get("mid", "")
    if token_of(world, request) is None:
        return web.Response(status=401)
    until = request.query.get("ext", "")
    right = until.isdecimal() and hmac.compare_digest(
        _signed(world, media_id, int(until)), request.query.get("hash", "")
    )
    expired = world.faults.draw(Kind.MEDIA_URL_EXPIRED, "")
    file = _file(world, media_id)
    if not right or expired or int(until) < world.clock.now() or file is None:
        return web.Response(status=404)
    data = file.data
    if world.faults.draw(Kind.MEDIA_CORRUPT, ""):
        data = data[:-1] + bytes([data[-1] ^ 1])
    return web.Response(body=data, headers={"Content-Type": file.mime_type})


def _found(world: World, request: web.Request) -> File:
    """The file that this token may see; raises RefusedError."""
    bound = token_of(world, request)
    if bound is None:
        raise RefusedError(190)
    media_id = request.match_info["media_id"]
    upload = world.uploads.find(media_id, world.clock.now())
    owner = upload.phone_number_id if upload else request.query.get("phone_number_id", bound)
    file = _file(world, media_id)
    gone = world.faults.draw(Kind.MEDIA_GONE, owner)
    if file is None or gone or bound not in {"", owner}:
        details = f"Object with ID '{media_id}' does not exist or is not visible to this token"
        raise RefusedError(100, details, subcode=33)
    return file


def _file(world: World, media_id: str) -> File | None:
    upload = world.uploads.find(media_id, world.clock.now())
    return upload.file if upload else file_of(media_id)


def _signed(world: World, media_id: str, until: int) -> str:
    text = f"{media_id} {until}".encode()
    return hmac.new(world.media_key, text, hashlib.sha256).hexdigest()


def _refusal(refused: RefusedError) -> web.Response:
    return web.json_response(refused.body(), status=refused.http_status)
