"""Meta's API for files (Cloud API 10): every call may be repeated."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from io import BytesIO
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, ValidationError

from services.outbound.domain.outcome import NotSent, Unknown, UploadOutcome, judge_upload
from services.outbound.handlers.media_ports import FetchFailedError, Number

_DEADLINE_SECONDS: Final = 100.0  # shorter than the lease of an upload
_PATIENCE: Final = aiohttp.ClientTimeout(
    total=240.0,  # shorter than the lease of a fetch
    sock_read=15.0,  # between two pieces
)
_PIECE_BYTES: Final = 64 * 1024
_ANSWER_BYTES: Final = 64 * 1024
_META_HOSTS: Final = (".fbsbx.com", ".fbcdn.net")
_USER_AGENT: Final = "guiche/1"  # some hosts refuse that of a library
_GONE: Final = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}


class _Address(BaseModel):
    url: str


class GraphMedia:
    """`handlers.media_ports.GraphMedia`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def upload(self, number: Number, mime_type: str, data: bytes) -> UploadOutcome:
        """Give Meta a file for this number."""
        form = aiohttp.FormData({"messaging_product": "whatsapp", "type": mime_type})
        form.add_field("file", BytesIO(data), filename="file", content_type=mime_type)
        try:
            async with self._session.post(
                f"{number.url}/media",
                data=form,
                headers=_headers(number),
                timeout=aiohttp.ClientTimeout(total=_DEADLINE_SECONDS),
                allow_redirects=False,
            ) as response:
                return judge_upload(response.status, await _start_of(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            return NotSent("connect")
        except TimeoutError:
            return Unknown("timeout")
        except (aiohttp.ClientError, OSError):
            return Unknown("cut")

    @asynccontextmanager
    async def download(
        self, number: Number, provider_id: str, beat: Callable[[], None]
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The bytes of a customer's file; each piece calls `beat`. Raises FetchFailedError."""
        try:
            url = await self._address(number, provider_id)
            async with self._session.get(
                url, headers=_headers(number), timeout=_PATIENCE, allow_redirects=False
            ) as response:
                if response.status != HTTPStatus.OK:  # an old address: ask for a new one
                    reason = f"download_{response.status}"
                    raise FetchFailedError(reason)
                yield _pieces(response, beat)
        except (aiohttp.ClientError, OSError) as error:  # a time-out is one
            reason = "connection"
            raise FetchFailedError(reason) from error

    async def _address(self, number: Number, provider_id: str) -> str:
        """Where the bytes are for the next five minutes; raises FetchFailedError."""
        async with self._session.get(
            f"{number.graph_url}/{provider_id}",
            params={"phone_number_id": number.phone_number_id},
            headers=_headers(number),
            timeout=_PATIENCE,
            allow_redirects=False,
        ) as response:
            status, body = response.status, await _start_of(response)
        if status in _GONE:
            reason = "expired"
            raise FetchFailedError(reason, final=True)
        try:
            url = _Address.model_validate_json(body).url
        except ValidationError as error:
            reason = f"address_{status}"
            raise FetchFailedError(reason) from error
        if not is_trusted(url, number.graph_url):
            reason = "untrusted_address"
            raise FetchFailedError(reason, final=True)
        return url


def is_trusted(url: str, graph_url: str) -> bool:
    """Whether the token may be sent there: to Meta's hosts over TLS, and where it goes anyway."""
    there, graph = urlsplit(url), urlsplit(graph_url)
    if (there.scheme, there.netloc) == (graph.scheme, graph.netloc):
        return True
    host = there.hostname or ""
    return there.scheme == "https" and there.port in {None, 443} and host.endswith(_META_HOSTS)


def _headers(number: Number) -> dict[str, str]:
    return {"Authorization": f"Bearer {number.token}", "User-Agent": _USER_AGENT}


async def _pieces(
    response: aiohttp.ClientResponse, beat: Callable[[], None]
) -> AsyncGenerator[bytes]:
    async for piece in response.content.iter_chunked(_PIECE_BYTES):
        beat()
        yield piece


async def _start_of(response: aiohttp.ClientResponse) -> bytes:
    """An answer that is longer than any of Meta's is cut, and then not understood."""
    return await response.content.read(_ANSWER_BYTES)
