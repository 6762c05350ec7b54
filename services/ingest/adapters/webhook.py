"""The door that Meta knocks at: `GET/POST /webhooks/whatsapp` (Cloud API 3)."""

import hmac
from collections.abc import Callable, Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Final, Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.ingest.handlers.accept import Accept, InvalidSignatureError
from services.ingest.handlers.ports import NotAcknowledgedError, UnstorableError
from shared.plumbing import metrics
from shared.plumbing.problems import ProblemError
from shared.plumbing.secrets_client import SecretMissingError

PATH: Final = "/webhooks/whatsapp"
LARGEST_BODY_BYTES: Final = 4_000_000  # Meta sends up to 3 MB
_SIGNATURE: Final = b"x-hub-signature-256"
_REFUSALS: Final = (
    InvalidSignatureError,
    NotAcknowledgedError,
    SecretMissingError,
    UnstorableError,
)

_answered = metrics.histogram(
    "ingest_acknowledgment_seconds",
    "From the request's head to the answer",
    ["outcome"],
)


class Handshake(Protocol):
    """Where the verify tokens come from."""

    @property
    def verify_tokens(self) -> Sequence[bytes]:
        """One for each app."""
        ...


def routes(
    app: FastAPI,
    accept: Accept,
    handshake: Handshake,
    refusal: Callable[[], str | None],
) -> None:
    """Serve the door; `refusal` gives the problem code for which nothing is taken now.

    Plain Starlette routes: what comes in is bytes, and stays bytes.
    """

    async def subscribe(request: Request) -> Response:
        _open(refusal)
        query = request.query_params
        token = query.get("hub.verify_token", "").encode(errors="surrogateescape")
        known = [hmac.compare_digest(token, one) for one in handshake.verify_tokens if one]
        if query.get("hub.mode") != "subscribe" or not any(known):
            code = "verification_failed"
            raise ProblemError(code)
        return PlainTextResponse(query.get("hub.challenge", ""))

    async def receive(request: Request) -> Response:
        started = perf_counter()
        outcome = "internal_error"
        try:
            _open(refusal)
            await accept(await _body(request), _signatures(request))
            outcome = "accepted"
        except ProblemError as error:
            outcome = error.code
            raise
        except _REFUSALS as error:
            outcome = error.code
            raise ProblemError(error.code) from error
        finally:
            _answered.labels(outcome=outcome).observe(perf_counter() - started)
        return Response(status_code=HTTPStatus.OK)

    app.add_route(PATH, subscribe, methods=["GET"], include_in_schema=False)
    app.add_route(PATH, receive, methods=["POST"], include_in_schema=False)


def _open(refusal: Callable[[], str | None]) -> None:
    code = refusal()
    if code is not None:
        raise ProblemError(code, headers={"Retry-After": "5"})


def _signatures(request: Request) -> list[bytes]:
    return [value for name, value in request.headers.raw if name == _SIGNATURE]


async def _body(request: Request) -> bytes:
    """The raw bytes; refused as soon as they are too many, before any HMAC is made of them."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY_BYTES:
            code = "body_too_large"
            raise ProblemError(code, headers={"Connection": "close"})
        chunks.append(chunk)
    return b"".join(chunks)
