"""Call another service: signed, with a deadline, trying its replicas in turn."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from io import BytesIO
from itertools import count
from typing import Final, NamedTuple
from uuid import UUID

import aiohttp

from shared.contracts.internal_api import COMMAND_ID_HEADER, CORRELATION_HEADER
from shared.plumbing import tracing
from shared.plumbing.tokens import TokenSigner
from shared.plumbing.transient import TransientError

_DEADLINE_SECONDS: Final = 5.0
_FILE_SECONDS: Final = 60.0
_STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=15.0)
_LARGE_BYTES: Final = 1_000_000  # aiohttp sends what is larger in pieces when it reads it itself


class UnreachableError(TransientError):
    """No replica answered before the deadline; `maybe_done`: one may have got the request."""

    def __init__(self, audience: str, *, maybe_done: bool) -> None:
        super().__init__(audience)
        self.audience = audience
        self.maybe_done = maybe_done


class Answer(NamedTuple):
    """What the other service said."""

    status: int
    body: bytes
    headers: Mapping[str, str]  # names in lower case


class InternalClient:
    """Calls `audience` at one of `base_urls`, beginning with the next one at each call.

    A replica that cannot be connected to is passed over. A request that may have been received goes
    to another replica only when it is a GET, or a POST that its caller calls repeatable.
    """

    def __init__(
        self,
        signer: TokenSigner,
        audience: str,
        base_urls: Sequence[str],
        session: Callable[[], aiohttp.ClientSession],
    ) -> None:
        self._signer = signer
        self._audience = audience
        self._urls = tuple(url.rstrip("/") for url in base_urls)
        self._session = session
        self._turn = count()

    async def get(
        self,
        path: str,
        *,
        account: UUID | None,
        principal: str,
        roles: Sequence[str] = (),
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float = _DEADLINE_SECONDS,
    ) -> Answer:
        """GET within `deadline` seconds; raises UnreachableError."""
        token = self._signer.sign(self._audience, account=account, principal=principal, roles=roles)
        sent = {**(headers or {}), "Authorization": f"Bearer {token}"}
        return await self._call("GET", path, params, sent, None, deadline, repeatable=True)

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        account: UUID | None,
        principal: str,
        roles: Sequence[str] = (),
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float = _DEADLINE_SECONDS,
        repeatable: bool = False,
    ) -> Answer:
        """POST a JSON body within `deadline` seconds; raises UnreachableError.

        `repeatable`: twice is as good as once, because it is a question or carries a command id.
        """
        token = self._signer.sign(self._audience, account=account, principal=principal, roles=roles)
        sent = {
            "Content-Type": "application/json",
            **(headers or {}),
            "Authorization": f"Bearer {token}",
        }
        return await self._call("POST", path, params, sent, body, deadline, repeatable=repeatable)

    async def put(
        self,
        path: str,
        body: bytes,
        *,
        account: UUID | None,
        principal: str,
        params: Mapping[str, str] | None = None,
        deadline: float = _FILE_SECONDS,
    ) -> Answer:
        """PUT a file, which may be repeated; raises UnreachableError."""
        token = self._signer.sign(self._audience, account=account, principal=principal, roles=())
        sent = {"Content-Type": "application/octet-stream", "Authorization": f"Bearer {token}"}
        return await self._call("PUT", path, params, sent, body, deadline, repeatable=True)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        account: UUID | None,
        principal: str,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """GET something long; its body is read while the block runs. Raises UnreachableError."""
        token = self._signer.sign(self._audience, account=account, principal=principal, roles=())
        sent = {**(headers or {}), "Authorization": f"Bearer {token}"}
        async with AsyncExitStack() as stack:
            for url in self._in_turn():
                with suppress(aiohttp.ClientError, TimeoutError):
                    request = self._session().get(
                        url + path, headers=sent, timeout=_STREAM, allow_redirects=False
                    )
                    response = await stack.enter_async_context(request)
                    break
            else:
                raise UnreachableError(self._audience, maybe_done=False)
            yield response

    async def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: float,
        *,
        repeatable: bool,
    ) -> Answer:
        correlation = headers.get(CORRELATION_HEADER) or headers.get(COMMAND_ID_HEADER, "")
        with tracing.root(f"call {self._audience}", correlation):
            sent = {**headers, **tracing.header_of(correlation)}
            return await self._round(method, path, params, sent, body, deadline, repeatable)

    async def _round(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: float,
        repeatable: bool,  # noqa: FBT001  passed on
    ) -> Answer:
        maybe_done = False
        urls = self._in_turn()
        # twice around: the only replica may have been started again, and the old connection be dead
        tries = (*urls, *urls) if repeatable else urls
        try:
            async with asyncio.timeout(deadline):
                for url in tries:
                    try:
                        return await self._once(method, url + path, params, headers, body)
                    except aiohttp.ClientConnectorError:
                        continue
                    except aiohttp.ClientError:
                        maybe_done = True
                        if not repeatable:
                            break
        except TimeoutError:
            maybe_done = True
        raise UnreachableError(self._audience, maybe_done=maybe_done)

    async def _once(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Answer:
        large = body is not None and len(body) > _LARGE_BYTES
        data = BytesIO(body) if large and body else body
        async with self._session().request(
            method, url, params=params, headers=headers, data=data, allow_redirects=False
        ) as response:
            answered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, await response.read(), answered)

    def _in_turn(self) -> Sequence[str]:
        if not self._urls:
            return ()
        first = next(self._turn) % len(self._urls)
        return self._urls[first:] + self._urls[:first]


class InternalClients:
    """Clients that share one session; it belongs to the running loop: made on first use."""

    def __init__(self, signer: TokenSigner, *, connections: int = 100) -> None:
        self._signer = signer
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def to(self, audience: str, base_urls: Sequence[str]) -> InternalClient:
        """A client of one service."""
        return InternalClient(self._signer, audience, base_urls, self._opened)

    async def close(self) -> None:
        """Close what was opened."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._connections)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session
