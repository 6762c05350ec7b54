"""Do bodies and signatures equal Meta's?"""

import json

import pytest

from deploy.simulator.signing import escaped, signature

COMPACT = b'{"object":"whatsapp_business_account","entry":[]}'
SPACED = b'{"object": "whatsapp_business_account", "entry": []}'


@pytest.mark.parametrize(
    ("secret", "body", "digest"),
    [
        (
            "test_app_secret",
            COMPACT,
            "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
        ),
        (
            "test_app_secret",
            SPACED,
            "56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a",
        ),
        (
            "otro_secreto",
            COMPACT,
            "769b03d8c2ae6498f2d1e1f7299c0ba55448c69d741e7b0bb243d852d8a8d8c7",
        ),
    ],
)
def test_the_signature_is_that_of_the_reference(secret: str, body: bytes, digest: str) -> None:
    assert signature(secret, body) == f"sha256={digest}"


def test_bodies_are_escaped_as_meta_does() -> None:
    assert escaped({"a": "ä/<%@"}) == b'{"a":"\\u00e4\\/\\u003C\\u0025\\u0040"}'


def test_an_escaped_body_says_the_same() -> None:
    value = {"name": "Conceição @ana", "url": "https://x/y?z=1%202", "emoji": "🙏", "s": "\\/"}
    assert json.loads(escaped(value)) == value
