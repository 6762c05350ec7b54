"""When is the window open, and who is the same customer?"""

from datetime import timedelta

import pytest

from services.outbound.domain.window import WINDOW, closes_at, identities, is_open
from tests.outbound.samples import AT

MARGIN = timedelta(seconds=30)


def test_the_newest_known_end_counts() -> None:
    later, sooner = AT + timedelta(hours=2), AT - timedelta(hours=23)
    assert closes_at(later, sooner) == later
    assert closes_at(AT, AT) == AT + WINDOW
    assert closes_at(None, AT) == AT + WINDOW
    assert closes_at(AT, None) == AT
    assert closes_at(None, None) is None


def test_the_margin_belongs_to_the_closed_side() -> None:
    assert is_open(AT + MARGIN + timedelta(microseconds=1), AT, MARGIN)
    assert not is_open(AT + MARGIN, AT, MARGIN)
    assert not is_open(None, AT, MARGIN)


@pytest.mark.parametrize(
    ("phone", "name"),
    [
        ("551191234567", "phone:5511991234567"),
        ("551171234567", "phone:5511971234567"),
        ("551161234567", "phone:5511961234567"),
        ("+5511961234567", "phone:5511961234567"),
        ("551131234567", "phone:551131234567"),
        ("351961234567", "phone:351961234567"),
    ],
)
def test_the_ninth_digit_is_added_never_taken(phone: str, name: str) -> None:
    assert list(identities(phone, None)) == [name]


def test_phone_and_user_id_are_both_names() -> None:
    assert list(identities("351961234567", "PT.1")) == ["phone:351961234567", "user:PT.1"]
    assert list(identities(None, "PT.1")) == ["user:PT.1"]
