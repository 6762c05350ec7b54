"""Refuse bodies that are too large while they are read, before they fill memory."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.plumbing.problems import ProblemError

_CLOSE: Final = {"Connection": "close"}


class BodyCap:
    """Middleware: a body of more than `most` bytes is answered with 413 `body_too_large`.

    `files` are the paths that take a file, and how many bytes there.
    """

    def __init__(self, app: ASGIApp, most: int, files: Mapping[str, int]) -> None:
        self._app = app
        self._most = most
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what it brings."""
        read, most_of_file = 0, self._files.get(scope.get("path", ""))

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if most_of_file is None and read > self._most:
                code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                raise HTTPException(code, headers=_CLOSE)
            if most_of_file is not None and read > most_of_file:
                code = "body_too_large"
                raise ProblemError(code, headers=_CLOSE, field="file", limit=most_of_file)
            return message

        await self._app(scope, counted, send)
