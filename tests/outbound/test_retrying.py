"""What follows each refusal."""

import pytest

from services.outbound.domain.outcome import Refused
from services.outbound.domain.retrying import (
    Again,
    Hold,
    Over,
    after_no_connection,
    after_refusal,
    reason_of,
)


def after(code: int | None, times: int = 1, http: int = 400) -> Again | Hold | Over:
    return after_refusal(Refused(http, code), times, jitter=0.0)


@pytest.mark.parametrize(
    "code",
    [
        *(0, 3, 10, 33, 190, 200, 299, 368, 131005, 131031, 131037, 131042, 131044, 131045, 131048),
        *(133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 134011, 134102, 139200),
    ],
)
def test_configuration_holds_the_number_with_an_alarm(code: int) -> None:
    following = after(code)
    assert isinstance(following, Hold)
    assert (following.error_class, following.code) == ("C", code)
    assert following.seconds >= 30


@pytest.mark.parametrize("code", [4, 80007, 130429, 2494100])
def test_limits_of_number_and_app_hold_the_number(code: int) -> None:
    following = after(code)
    assert isinstance(following, Hold)
    assert following.error_class == "W"


def test_a_pair_that_is_too_fast_waits_by_powers_of_four() -> None:
    waits = [after(131056, times) for times in range(1, 8)]
    assert waits == [Again("W", s) for s in (1.0, 4.0, 16.0, 64.0, 256.0, 256.0, 256.0)]


def test_an_unknown_error_of_meta_is_repeated_twice_then_given_up() -> None:
    assert isinstance(after(1, 1), Again)
    assert isinstance(after(1, 2), Again)
    assert after(1, 3) == Over("R", "expired", dead=True)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (131047, "window_closed"),
        (131026, "undeliverable"),
        (131021, "undeliverable"),
        (130403, "blocked"),
        (131050, "opted_out"),
        (131049, "held_back"),
        (130497, "country_not_allowed"),
        (100, "invalid"),
        (131008, "invalid"),
        (131009, "invalid"),
        (131051, "invalid"),
        (132001, "invalid"),
        (135000, "invalid"),
        (987654, "invalid"),
    ],
)
def test_all_other_codes_are_final(code: int, reason: str) -> None:
    assert after(code) == Over("N", reason)
    assert reason_of(code) == reason


def test_without_code_the_http_status_decides() -> None:
    assert isinstance(after(None, http=429), Hold)
    denied = after(None, http=403)
    assert isinstance(denied, Hold)
    assert denied.error_class == "C"
    assert after(None, http=400) == Over("N", "invalid")


def test_backoff_grows_is_bounded_and_spread() -> None:
    waits = [after_no_connection(times, 0.0) for times in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[0] == 0.5
    assert waits[-1] == 30.0
    assert after_no_connection(1, 1.0) == 0.25
