"""Classify Meta's answer to a send (reliability.md 3, Cloud API 13 and 14)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ValidationError

from shared.contracts.content import ProviderError

_NUMBER_IS_GONE: Final = 33  # also the sub-code of 100


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 2xx that names the message; a receipt has no name."""

    wamid: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A 4xx: the message was not taken."""

    http: int
    code: int | None
    errors: tuple[ProviderError, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request was written, and nobody knows whether it was taken."""

    reason: str  # timeout | cut | server_error | unreadable_answer


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request was written."""

    reason: str  # connect | late | number_away


@dataclass(frozen=True, slots=True)
class Withheld:
    """We must not send it."""

    reason: str  # window_closed | unreadable


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Meta has the file."""

    provider_id: str


Outcome: TypeAlias = Accepted | Refused | Unknown | NotSent | Withheld
UploadOutcome: TypeAlias = Uploaded | Refused | Unknown | NotSent


def _int_or_none(value: object) -> object:
    return value if isinstance(value, int) else None


def _str_or_none(value: object) -> object:
    return value if isinstance(value, str) else None


_Int = Annotated[int | None, BeforeValidator(_int_or_none)]
_Str = Annotated[str | None, BeforeValidator(_str_or_none)]


class _ErrorData(BaseModel):
    details: _Str = None


class _GraphError(BaseModel):
    code: int
    error_subcode: _Int = None
    message: _Str = None
    type: _Str = None
    error_data: _ErrorData | None = None


class _Refusal(BaseModel):
    error: _GraphError


class _Named(BaseModel):
    id: Annotated[str, BeforeValidator(_str_or_none)]


class _Taken(BaseModel):
    messages: list[_Named]


class _Done(BaseModel):
    success: bool


def judge(status: int, body: bytes) -> Outcome:
    """The outcome of a message; a body that was cut arrives as what came of it."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        wamid = _wamid(body)
        return Accepted(wamid) if wamid else Unknown("unreadable_answer")
    return _not_taken(status, body)


def judge_upload(status: int, body: bytes) -> UploadOutcome:
    """The outcome of an upload; what is unknown may be repeated."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        try:
            return Uploaded(_Named.model_validate_json(body).id)
        except ValidationError:
            return Unknown("unreadable_answer")
    return _not_taken(status, body)


def judge_receipt(status: int, body: bytes) -> Outcome:
    """The outcome of a read receipt."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Accepted("") if _success(body) else Unknown("unreadable_answer")
    return _not_taken(status, body)


def _not_taken(status: int, body: bytes) -> Refused | Unknown:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unknown("server_error")
    error = _error(body)
    if status == HTTPStatus.REQUEST_TIMEOUT and error is None:
        return Unknown("timeout")  # by something between us and Meta: it may have passed it on
    if status < HTTPStatus.BAD_REQUEST:
        return Unknown("unreadable_answer")
    if error is None:
        return Refused(status, None)
    code = _NUMBER_IS_GONE if error.error_subcode == _NUMBER_IS_GONE else error.code
    details = error.error_data.details if error.error_data else None
    said = ProviderError(code=error.code, title=error.type, message=error.message, details=details)
    return Refused(status, code, (said,))


def _wamid(body: bytes) -> str | None:
    try:
        taken = _Taken.model_validate_json(body)
    except ValidationError:
        return None
    return taken.messages[0].id if taken.messages else None


def _success(body: bytes) -> bool:
    try:
        return _Done.model_validate_json(body).success
    except ValidationError:
        return False


def _error(body: bytes) -> _GraphError | None:
    try:
        return _Refusal.model_validate_json(body).error
    except ValidationError:
        return None
