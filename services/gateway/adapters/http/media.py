"""Files: uploaded to be sent, and those of messages, by ranges."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import quote
from uuid import UUID

import aiohttp
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from services.gateway.adapters.http.openapi import Responses, problem_responses
from services.gateway.adapters.http.signed_in import PersonDependency
from services.gateway.adapters.media import Media
from services.gateway.adapters.services import Projections
from services.gateway.domain.access import Person, scope_of
from services.gateway.domain.uploads import check_file
from shared.contracts.envelope import Contract
from shared.contracts.internal_api import MediaInfo, MediaUpload, TicketQuery
from shared.plumbing.problems import ProblemError

UPLOADS: Final = "/v1/media"
_PIECE_BYTES: Final = 64 * 1024
_LONGEST_NAME: Final = 240
_A_TICKET: Final = "0192f0c1-7f51-7b3a-8f60-0d1f5a3c2b10"
_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "title": "MediaForm",
                    "type": "object",
                    "required": ["file", "ticket_id"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "With the Content-Type of its part.",
                        },
                        "ticket_id": {"type": "string", "format": "uuid"},
                    },
                },
                "examples": {
                    "image": {"value": {"file": "(bytes)", "ticket_id": _A_TICKET}},
                },
            }
        },
    }
}
_CONTENT: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_BYTES: Final[Responses] = {
    200: {"description": "The file", "content": _CONTENT},
    206: {"description": "The bytes that `Range` asks for", "content": _CONTENT},
}
_REFUSALS: Final = ("not_found", "contact_erased", "media_not_stored", "range_not_satisfiable")
_PASSED_ON: Final = ("accept-ranges", "content-length", "content-range", "etag")
_SHOWN_INLINE: Final = ("image/jpeg", "image/png", "image/webp", "video/mp4", "audio/")


class UploadedMedia(Contract):
    """A file that can be sent to the customer of its ticket."""

    media_id: UUID
    type: str
    mime_type: str
    size: int
    sha256: str
    filename: str | None


def router(
    media: Media,
    projections: Projections,
    signed_in: PersonDependency,
    new_id: Callable[[], UUID],
) -> APIRouter:
    """`/v1/media` and `/v1/media/{media_id}`."""
    routes = APIRouter(prefix=UPLOADS, tags=["media"])

    async def upload_media(
        person: Annotated[Person, Depends(signed_in)], request: Request
    ) -> UploadedMedia:
        """Keep a file, to be sent by the `media_id` of a message to the ticket's customer."""
        async with _form(request) as form:
            file, ticket_id = _fields(form)
            mime_type = (file.content_type or "").partition(";")[0].strip().lower()
            data = await file.read()
        kind = check_file(mime_type, len(data))
        ticket = await projections.ticket(
            person, TicketQuery(scope=scope_of(person), ticket_id=ticket_id)
        )
        upload = MediaUpload(
            ticket_id=ticket_id,
            contact_id=ticket.contact.id,
            connection_id=ticket.connection_id,
            mime_type=mime_type,
            filename=_filename(file.filename),
        )
        kept = await media.upload(person, new_id(), upload, data)
        return UploadedMedia(
            media_id=kept.media_id,
            type=kind,
            mime_type=kept.mime_type,
            size=kept.size or 0,
            sha256=kept.sha256 or "",
            filename=kept.filename,
        )

    async def get_media(
        person: Annotated[Person, Depends(signed_in)],
        media_id: UUID,
        wanted: Annotated[
            str | None, Header(alias="Range", max_length=200, examples=["bytes=0-65535"])
        ] = None,
        if_range: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        """A file of a message, or an upload, of a ticket in sight."""
        info = await media.info(person, media_id)
        query = TicketQuery(scope=scope_of(person), ticket_id=info.ticket_id)
        await projections.ticket(person, query)
        asked = {"Range": wanted, "If-Range": if_range}
        given = {name: value for name, value in asked.items() if value is not None}
        stack = AsyncExitStack()
        answer = await stack.enter_async_context(media.content(person, media_id, given))
        passed = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        return StreamingResponse(
            _pieces(answer, stack),
            answer.status,
            {**passed, **_headers(info)},
            media_type=info.mime_type,
        )

    routes.add_api_route(
        "",
        upload_media,
        methods=["POST"],
        operation_id="uploadMedia",
        status_code=201,
        openapi_extra=_FORM,
        responses=problem_responses("not_found", "contact_erased"),
    )
    routes.add_api_route(
        "/{media_id}",
        get_media,
        methods=["GET"],
        operation_id="getMedia",
        response_class=Response,
        responses=_BYTES | problem_responses(*_REFUSALS),
    )
    return routes


@asynccontextmanager
async def _form(request: Request) -> AsyncGenerator[FormData]:
    """The form, held in memory: a file of a customer's is not written in plain."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        _refuse("file", "not_multipart")
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=5)
    parser.spool_max_size = 0  # no limit
    try:
        form = await parser.parse()
    except MultiPartException:
        _refuse("file", "not_multipart")
    try:
        yield form
    finally:
        await form.close()


def _fields(form: FormData) -> tuple[UploadFile, UUID]:
    file, ticket_id = form.get("file"), form.get("ticket_id")
    if not isinstance(file, UploadFile):
        _refuse("file", "missing")
    if not isinstance(ticket_id, str):
        _refuse("ticket_id", "missing")
    try:
        return file, UUID(ticket_id)
    except ValueError:
        _refuse("ticket_id", "uuid_parsing")


def _filename(name: str | None) -> str | None:
    """The last part of what may be a path; control characters and all that is too long go."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[-_LONGEST_NAME:] or None


async def _pieces(answer: aiohttp.ClientResponse, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        async for piece in answer.content.iter_chunked(_PIECE_BYTES):
            yield piece


def _headers(info: MediaInfo) -> dict[str, str]:
    shown = info.mime_type.startswith(_SHOWN_INLINE)
    disposition = "inline" if shown else "attachment"
    if info.filename is not None:
        disposition += f"; filename*=UTF-8''{quote(info.filename, safe='')}"
    return {
        "Content-Disposition": disposition,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


def _refuse(field: str, reason: str) -> NoReturn:
    code = "invalid_request"
    raise ProblemError(code, field=field, reason=reason, fields=[field])
