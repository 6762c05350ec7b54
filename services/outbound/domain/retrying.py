"""Decide by Meta's error code: retry, hold the number, or fail (Cloud API 13.2)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

from services.outbound.domain.outcome import Refused

ErrorClass: TypeAlias = Literal["R", "W", "C", "N"]


@dataclass(frozen=True, slots=True)
class Again:
    """This row may be sent again after so many seconds."""

    error_class: ErrorClass
    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Every row of the number waits; `error_class` C needs a person."""

    error_class: ErrorClass
    seconds: float
    code: int


@dataclass(frozen=True, slots=True)
class Over:
    """Never again."""

    error_class: ErrorClass
    reason: str
    dead: bool = False  # could have been repeated, but was refused each time


Next: TypeAlias = Again | Hold | Over

_CONFIGURATION: Final = frozenset(
    {0, 3, 10, 33, 190, *range(200, 300), 368, 131005, 131031, 131037, 131042, 131044, 131045}
    | {131048, 131064, 131207, 133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016}
    | {134011, 134102, 139200}
)
_PAIR_RATE: Final = 131056
_NUMBER_WAITS: Final = {130429: 1.0, 4: 60.0, 80007: 60.0, 131057: 60.0, 2494100: 60.0}
_ROW_WAITS: Final = frozenset({613, 131208, 132015, 132069, 134101, 136024})
_FEW_TIMES: Final = {1: 2, 2: 5, 131000: 5, 131016: 5, 133004: 5}
_REASONS: Final = {
    131047: "window_closed",
    131026: "undeliverable",
    131021: "undeliverable",
    131030: "undeliverable",
    131062: "undeliverable",
    130403: "blocked",
    131050: "opted_out",
    131049: "held_back",
    130472: "held_back",
    130497: "country_not_allowed",
    137000: "identity_changed",
    131053: "media_refused",
}
_SERVER_ERRORS: Final = 6
_LONGEST_SECONDS: Final = 300.0
_LONGEST_PAIR_SECONDS: Final = 256.0
_DOUBLINGS: Final = 8


def reason_of(code: int | None) -> str:
    """Our stable word for a final error of Meta."""
    if code in _CONFIGURATION:
        return "configuration"
    return _REASONS.get(code or -1, "invalid")


def after_refusal(refused: Refused, refusals: int, jitter: float) -> Next:
    """What to do after the row was refused `refusals` times in all; `jitter` is 0 to 1."""
    code = refused.code
    if code is None:
        return _without_code(refused.http, refusals, jitter)
    if code in _CONFIGURATION:
        return Hold("C", _backoff(30.0, refusals, jitter), code)
    if code in _NUMBER_WAITS:
        return Hold("W", _backoff(_NUMBER_WAITS[code], refusals, jitter), code)
    return _of_the_row(code, refusals, jitter)


def after_no_connection(attempts: int, jitter: float) -> float:
    """Seconds until a request that was not written is tried again."""
    return min(_backoff(0.5, attempts, jitter), 30.0)


def after_server_error(attempts: int, jitter: float) -> Again | Over:
    """What follows when Meta failed at something that may be repeated."""
    if attempts > _SERVER_ERRORS:
        return Over("R", "expired", dead=True)
    return Again("R", _backoff(1.0, attempts, jitter))


def _of_the_row(code: int, refusals: int, jitter: float) -> Next:
    if code == _PAIR_RATE:
        return Again("W", min(4.0 ** min(refusals - 1, _DOUBLINGS), _LONGEST_PAIR_SECONDS))
    if code in _ROW_WAITS:
        return Again("W", _backoff(60.0, refusals, jitter))
    if code not in _FEW_TIMES:
        return Over("N", reason_of(code))
    if refusals > _FEW_TIMES[code]:
        return Over("R", "expired", dead=True)
    return Again("R", _backoff(1.0, refusals, jitter))


def _without_code(http: int, refusals: int, jitter: float) -> Next:
    if http == HTTPStatus.TOO_MANY_REQUESTS:
        return Hold("W", _backoff(5.0, refusals, jitter), http)
    if http in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Hold("C", _backoff(30.0, refusals, jitter), http)
    return Over("N", "invalid")


def _backoff(first: float, times: int, jitter: float) -> float:
    longest = min(first * 2.0 ** min(times - 1, _DOUBLINGS), _LONGEST_SECONDS)
    return longest * (1.0 - jitter / 2)
