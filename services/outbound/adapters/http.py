"""The internal API of files: upload, description, bytes by ranges; for the gateway."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.outbound.domain.media import MOST_BYTES, MediaRow, MediaState
from services.outbound.domain.ranges import UnsatisfiableError, part_of
from services.outbound.handlers.media_ports import ContactErasedError, FileBrokenError
from services.outbound.handlers.media_storage import (
    FileTooLargeError,
    MediaStorage,
    UnknownMediaError,
    WrongTypeError,
)
from shared.contracts.internal_api import MediaInfo, MediaUpload
from shared.plumbing import logs
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.problems import ProblemError
from shared.plumbing.tokens import Caller, TokenVerifier, caller_dependency
from shared.plumbing.transient import TRANSIENT_ANYWHERE

_AWAY: Final = (*TRANSIENT, *TRANSIENT_ANYWHERE)
_AGAIN: Final[Mapping[str, str]] = {"Retry-After": "1"}
_log = logs.get(__name__)


def router(storage: Callable[[], MediaStorage | None], verifier: TokenVerifier) -> APIRouter:
    """Routes under /internal/media; 503 until there is a storage."""
    routes = APIRouter(prefix="/internal/media/{media_id}")
    calling = caller_dependency(verifier)

    async def account(caller: Annotated[Caller, Depends(calling)]) -> UUID:
        if caller.service != "gateway" or caller.account is None:
            _refuse("forbidden")
        return caller.account

    async def here() -> MediaStorage:
        found = storage()
        if found is None:
            _refuse("not_ready", **_AGAIN)
        return found

    async def put(
        request: Request,
        media_id: UUID,
        upload: Annotated[MediaUpload, Query()],
        account_id: Annotated[UUID, Depends(account)],
        media: Annotated[MediaStorage, Depends(here)],
    ) -> MediaInfo:
        with _problems():
            return await media.upload(account_id, media_id, upload, request.stream())

    async def describe(
        media_id: UUID,
        account_id: Annotated[UUID, Depends(account)],
        media: Annotated[MediaStorage, Depends(here)],
    ) -> MediaInfo:
        with _problems():
            return await media.info(account_id, media_id)

    async def content(
        media_id: UUID,
        account_id: Annotated[UUID, Depends(account)],
        media: Annotated[MediaStorage, Depends(here)],
        wanted: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
        if_range: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        with _problems():
            row = await media.row(account_id, media_id)
            if row.state is not MediaState.STORED:
                raise _not_stored(row)
            fresh = if_range in {None, _etag(row)}
            return await _answer(media, row, wanted if fresh else None)

    routes.add_api_route("", put, methods=["PUT"])
    routes.add_api_route("", describe, methods=["GET"])
    routes.add_api_route("/content", content, methods=["GET"], response_model=None)
    return routes


async def _answer(media: MediaStorage, row: MediaRow, wanted: str | None) -> Response:
    size = row.size or 0
    headers = {"Accept-Ranges": "bytes", "ETag": _etag(row)}
    try:
        part = part_of(wanted, size)
    except UnsatisfiableError:
        _refuse("range_not_satisfiable", **{"Content-Range": f"bytes */{size}"})
    start, stop = part or (0, size)
    headers["Content-Length"] = str(stop - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    pieces = media.content(row, start, stop)
    first = await anext(pieces, b"")  # what is broken is said while it can be said
    return StreamingResponse(
        _all(first, pieces), 206 if part else 200, headers, media_type=row.mime_type
    )


async def _all(first: bytes, others: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


def _etag(row: MediaRow) -> str:
    return f'"{(row.sha256 or b"").hex()}"'


@contextmanager
def _problems() -> Generator[None]:
    try:
        yield
    except UnknownMediaError:
        _refuse("not_found")
    except ContactErasedError:
        _refuse("contact_erased")
    except FileTooLargeError as error:
        code = "body_too_large"
        raise ProblemError(code, field="file", limit=MOST_BYTES) from error
    except WrongTypeError as error:
        code = "invalid_request"
        raise ProblemError(code, field="file", reason="type_mismatch") from error
    except FileBrokenError:
        _log.exception("file broken")
        _refuse("internal_error")
    except _AWAY:
        _refuse("unavailable", **_AGAIN)


def _not_stored(row: MediaRow) -> ProblemError:
    code = "media_not_stored"
    return ProblemError(code, state=row.state.value, reason=row.reason)


def _refuse(code: str, **headers: str) -> NoReturn:
    raise ProblemError(code, headers=headers)
