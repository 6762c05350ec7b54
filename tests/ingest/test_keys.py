"""What is about one person goes under one key; no key tells a phone number."""

import pytest

from services.ingest.domain.keys import inbound_key
from services.ingest.domain.normalise.item import to_item
from services.ingest.domain.normalise.origin import Place
from services.ingest.domain.splitting import Kind
from tests.ingest.samples import (
    MARIA,
    NOW,
    OTHER_CONNECTION,
    PEPPER,
    PLACE,
    a_message,
    a_piece,
    a_status,
)


def key(
    value: object, kind: Kind = "messages", place: Place = PLACE, pepper: bytes = PEPPER
) -> bytes:
    return inbound_key(pepper, to_item(a_piece(value, kind), place))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a-77", "b-77"),
        ("77", "a-77"),
        ("551151234567", "5511951234567"),  # a landline of São Paulo, never a mobile
    ],
)
def test_what_is_no_spelling_of_the_same_phone_is_somebody_else(one: str, other: str) -> None:
    assert key(a_message(sender=one)) != key(a_message(sender=other))


def test_a_mobile_with_and_without_the_ninth_digit_is_one_person() -> None:
    assert key(a_message(sender="551191234567")) == key(a_message(sender="5511991234567"))


def test_the_user_id_decides_where_meta_sends_one() -> None:
    with_phone = a_message(from_user_id="BR.1")
    without = {**a_message(from_user_id="BR.1"), "from": None}
    assert key(with_phone) == key(without)
    assert key(with_phone) != key(a_message())


def test_a_status_goes_with_the_messages_of_its_recipient() -> None:
    assert key(a_status(status="read"), "statuses") == key(a_message())
    status = a_status(status="read", recipient_user_id="BR.1")
    assert key(status, "statuses") == key(a_message(from_user_id="BR.1"))


def test_a_group_is_one_contact_whoever_writes() -> None:
    one, other = a_message(group_id="g1"), a_message(sender="5511900000000", group_id="g1")
    group_status = a_status(status="read", recipient_id="g1", recipient_type="group")
    assert key(one) == key(other) == key(group_status, "statuses")


def test_two_people_two_connections_and_two_accounts_have_keys_of_their_own() -> None:
    there = Place(
        account_id=PLACE.account_id,
        connection_id=OTHER_CONNECTION,
        phone_number_id="1",
        body_sha256="",
        received_at=NOW,
    )
    keys = {
        key(a_message()),
        key(a_message(sender="5511900000000")),
        key(a_message(), place=there),
        key(a_message(), pepper=b"q" * 32),
    }
    assert len(keys) == 4


def test_a_key_does_not_tell_the_number() -> None:
    assert MARIA.encode() not in key(a_message())
    assert len(key(a_message())) == 64
