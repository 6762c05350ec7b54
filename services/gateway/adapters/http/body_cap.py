"""How much may anybody send? Bodies are refused while they are read, before they fill memory."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.plumbing.problems import ProblemError


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
        read, path = 0, scope.get("path", "")
        most = self._files.get(path, self._most)
        field = {"field": "file"} if path in self._files else {}

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                code = "body_too_large"
                raise ProblemError(code, headers={"Connection": "close"}, limit=most, **field)
            return message

        await self._app(scope, counted, send)
