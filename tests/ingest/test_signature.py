"""Only bytes that Meta signed with one of our secrets are read (Cloud API 3.2)."""

import pytest

from services.ingest.domain.signature import App, signers
from tests.ingest.samples import ACCOUNT, APP, OTHER_ACCOUNT, SECRET, signed

BODY = b'{"object":"whatsapp_business_account","entry":[]}'
SPACED = b'{"object": "whatsapp_business_account", "entry": []}'
VECTORS = [
    (SECRET, BODY, b"dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"),
    (SECRET, SPACED, b"56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a"),
    (b"otro_secreto", BODY, b"769b03d8c2ae6498f2d1e1f7299c0ba55448c69d741e7b0bb243d852d8a8d8c7"),
]


@pytest.mark.parametrize(("secret", "body", "digest"), VECTORS)
def test_the_vectors_of_the_reference_are_taken(secret: bytes, body: bytes, digest: bytes) -> None:
    app = App("app", ACCOUNT, (secret,), frozenset())
    assert signers(body, [b"sha256=" + digest], [app]) == (app,)


def test_both_secrets_are_taken_while_they_rotate() -> None:
    app = App("app", ACCOUNT, (b"new", b"old"), frozenset())
    assert signers(BODY, [signed(BODY, b"new")], [app]) == (app,)
    assert signers(BODY, [signed(BODY, b"old")], [app]) == (app,)
    assert signers(BODY, [signed(BODY, b"older")], [app]) == ()


def test_the_app_whose_secret_it_is_is_told() -> None:
    other = App("other", OTHER_ACCOUNT, (b"other",), frozenset())
    assert signers(BODY, [signed(BODY, b"other")], [APP, other]) == (other,)


def test_accounts_that_share_an_app_are_all_told() -> None:
    twin = App("app", OTHER_ACCOUNT, (SECRET,), frozenset())
    assert signers(BODY, [signed(BODY)], [APP, twin]) == (APP, twin)


GOOD = signed(BODY)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b""],
        [GOOD, GOOD],
        [GOOD.removeprefix(b"sha256=")],
        [GOOD.replace(b"sha256", b"SHA256")],
        [GOOD.replace(b"sha256", b"sha1")],
        [b"sha256=" + GOOD.removeprefix(b"sha256=").upper()],
        [GOOD[:-1]],
        [GOOD + b"0"],
        [GOOD + b"\n"],
        [b" " + GOOD],
        [GOOD[:-2] + "é".encode()],
        [GOOD[:-1] + b"\xff"],
        [b"sha256=" + "é".encode() * 64],
    ],
)
def test_a_header_that_is_not_exactly_one_digest_is_refused(headers: list[bytes]) -> None:
    assert signers(BODY, headers, [APP]) == ()


@pytest.mark.parametrize("position", range(7, 71, 9))
def test_one_changed_digit_is_refused(position: int) -> None:
    digit = b"0" if GOOD[position : position + 1] != b"0" else b"1"
    changed = GOOD[:position] + digit + GOOD[position + 1 :]
    assert signers(BODY, [changed], [APP]) == ()


@pytest.mark.parametrize("position", range(0, len(BODY), 7))
def test_one_changed_bit_of_the_body_is_refused(position: int) -> None:
    changed = bytearray(BODY)
    changed[position] ^= 1
    assert signers(bytes(changed), [GOOD], [APP]) == ()


def test_the_body_is_not_written_anew_before_it_is_compared() -> None:
    escaped = rb'{"a":"\u00e4\/\u003C","entry":[]}'
    assert signers(escaped, [signed(escaped)], [APP]) == (APP,)


def test_nobody_signs_with_an_app_without_secrets() -> None:
    assert signers(BODY, [signed(BODY, b"")], [App("app", ACCOUNT, (), frozenset())]) == ()
