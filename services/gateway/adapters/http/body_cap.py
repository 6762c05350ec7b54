"""How much may anybody send? Bodies are refused while they are read, before they fill memory."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyCap:
    """Middleware: a body of more than `most` bytes is answered with 413 `body_too_large`."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what it brings."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                raise HTTPException(code, headers={"Connection": "close"})
            return message

        await self._app(scope, counted, send)
