"""Make one call to Meta and classify its outcome; never repeats, never logs content."""

from typing import Final

import aiohttp
import orjson

from services.outbound.domain.outcome import (
    NotSent,
    Outcome,
    Unknown,
    judge,
    judge_receipt,
)
from services.outbound.domain.rendering import receipt_to_graph, to_graph
from services.outbound.handlers.ports import Number
from shared.contracts.outbound import SendMessage, SendReadReceipt
from shared.plumbing import metrics

_KEEP_ALIVE_SECONDS: Final = 15.0  # shorter than servers keep it: a closed one costs an unknown

_seconds = metrics.histogram("outbound_call_seconds", "Calls to Meta that were answered")


def open_session(*, connections: int) -> aiohttp.ClientSession:
    """A session with room for so many calls at once; belongs to the running loop."""
    connector = aiohttp.TCPConnector(
        limit=connections, keepalive_timeout=_KEEP_ALIVE_SECONDS, ttl_dns_cache=60
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class GraphApi:
    """POST /{phone_number_id}/messages."""

    def __init__(self, session: aiohttp.ClientSession, *, timeout_seconds: float) -> None:
        self._session = session
        self._timeout_seconds = timeout_seconds

    async def send(
        self, number: Number, command: SendMessage | SendReadReceipt, *, connect_seconds: float
    ) -> Outcome:
        """The outcome; a connection must be there within `connect_seconds`.

        Only what fails before there is a connection is surely not sent; everything after that may
        have been written, and aiohttp does not repeat a POST.
        """
        if isinstance(command, SendMessage):
            body, judged = orjson.dumps(to_graph(command)), judge
        else:
            body, judged = orjson.dumps(receipt_to_graph(command)), judge_receipt
        try:
            status, answer = await self._post(number, body, connect_seconds)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            return NotSent("connect")
        except TimeoutError:
            return Unknown("timeout")
        except (aiohttp.ClientError, OSError):
            return Unknown("cut")
        return judged(status, answer)

    async def _post(self, number: Number, body: bytes, connect_seconds: float) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(
            total=self._timeout_seconds, connect=min(connect_seconds, self._timeout_seconds)
        )
        headers = {"Authorization": f"Bearer {number.token}", "Content-Type": "application/json"}
        url = f"{number.url}/messages"
        with _seconds.time():
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return response.status, await _read(response)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body; what was cut counts as empty, so that the status alone is judged."""
    try:
        return await response.read()
    except (aiohttp.ClientError, OSError):  # a time-out is one
        return b""
