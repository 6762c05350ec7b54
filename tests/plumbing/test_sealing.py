"""Sealing, names by HMAC, and partitions."""

import pytest

from shared.plumbing.partitions import partition_of
from shared.plumbing.sealing import SealBrokenError, Sealer, hmac_key


def test_what_is_sealed_opens_with_the_same_key_and_place_only() -> None:
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal("olá".encode(), b"contact/1")
    assert sealer.open(sealed, b"contact/1").decode() == "olá"
    for other, place, data in (
        (Sealer(b"x" * 32), b"contact/1", sealed),
        (sealer, b"contact/2", sealed),
        (sealer, b"contact/1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (sealer, b"contact/1", b""),
    ):
        with pytest.raises(SealBrokenError):
            other.open(data, place)


def test_the_same_data_is_never_sealed_to_the_same_bytes() -> None:
    sealer = Sealer(b"k" * 32)
    assert sealer.seal(b"x", b"") != sealer.seal(b"x", b"")


def test_parts_of_a_name_cannot_be_shifted_into_each_other() -> None:
    assert hmac_key(b"p", "ab", "c") != hmac_key(b"p", "a", "bc")
    assert hmac_key(b"p", "a") != hmac_key(b"q", "a")
    assert len(hmac_key(b"p", "a")) == 32


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [  # from the tests of Kafka's own clients (UtilsTest.testMurmur2)
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_a_key_lies_where_the_java_client_puts_it(key: bytes, murmur2: int) -> None:
    assert partition_of(key, 24) == (murmur2 & 0x7FFFFFFF) % 24
