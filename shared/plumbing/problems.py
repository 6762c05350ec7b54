"""Errors on HTTP: RFC 9457 with a stable `code`, without what was sent.

Own handlers, not fastapi-problem: it derives type and title from class names and echoes rejected
input, while we need a code from the registry of refusals; four handlers are less than the wrapping.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

_MEDIA_TYPE: Final = "application/problem+json"
_BY_STATUS: Final = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    429: "too_many_requests",
    503: "unavailable",
}
_LIMITS: Final = ("max_length", "min_length", "le", "ge", "lt", "gt")


class ProblemKind(Protocol):
    """Status and title of a code; `shared/contracts/problems.py` holds them."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def title(self) -> str:
        """What the code means, the same for each occurrence."""
        ...


class ProblemError(Exception):
    """Raise it to answer with the problem of `code`; `extras` become members of the body."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **extras: object,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extras = extras


def install_problems(
    app: FastAPI,
    registry: Mapping[str, ProblemKind],
    sentences: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
) -> None:
    """Answer every error of `app` as application/problem+json.

    `sentences` are details by code, `fields` those of a wrong field by its reason.
    """

    def answer(error: ProblemError, status: int | None = None) -> JSONResponse:
        kind = registry[error.code]
        detail = error.detail or (sentences or {}).get(error.code)
        body = {
            "type": f"urn:guiche:problem:{error.code}",
            "title": kind.title,
            "status": status or kind.status,
            "code": error.code,
            **({"detail": detail} if detail else {}),
            **error.extras,
        }
        return _Problem(body, status_code=status or kind.status, headers=error.headers)

    async def problem(_: Request, error: Exception) -> JSONResponse:
        return answer(error if isinstance(error, ProblemError) else ProblemError("internal_error"))

    async def wrong_field(_: Request, error: Exception) -> JSONResponse:
        errors: Sequence[Mapping[str, Any]] = (
            error.errors() if isinstance(error, RequestValidationError) else []
        )
        reasons = [str(found["type"]) for found in errors]
        names = [_field(found, getattr(error, "body", None)) for found in errors]
        if not names:
            return answer(ProblemError("invalid_request"))
        detail = (fields or {}).get(reasons[0], "")
        wrong = ProblemError(
            "invalid_request", detail, field=names[0], reason=reasons[0], fields=names
        )
        wrong.extras |= _limit(errors[0])
        return answer(wrong)

    async def http_error(_: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            return answer(ProblemError("internal_error"))
        code = _BY_STATUS.get(error.status_code, "invalid_request")
        return answer(ProblemError(code, headers=error.headers), status=error.status_code)

    app.add_exception_handler(ProblemError, problem)
    app.add_exception_handler(RequestValidationError, wrong_field)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, problem)


class _Problem(JSONResponse):
    media_type = _MEDIA_TYPE


def _limit(error: Mapping[str, Any]) -> dict[str, int | float]:
    """The number that was passed, where it is one; never what was sent."""
    context: Mapping[str, object] = error.get("ctx") or {}
    found = [value for name in _LIMITS if isinstance(value := context.get(name), int | float)]
    return {"limit": found[0]} if found else {}


def _field(error: Mapping[str, Any], body: object) -> str:
    """`("body", "items", 0, "text")` as `items.0.text`; the name of a query or header as it is.

    Of a body that is no JSON, the rest says at which byte. Of a body that is one of several, the
    first part is its own `type`.
    """
    location: tuple[int | str, ...] = error["loc"]
    if error["type"] == "json_invalid":
        return str(location[0])
    if error["type"].startswith("union_tag_"):
        return str(error["ctx"]["discriminator"]).strip("'")
    match body, location:
        case {"type": str(tag)}, ("body", first, _, *_) if first == tag:
            location = location[1:]
        case _:
            pass
    return ".".join(str(part) for part in location[1:]) or str(location[0])
