"""Access tokens, cursors and command ids that nobody can forge."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.adapters.access_tokens import AccessTokens, InvalidAccessTokenError
from services.gateway.domain.command_id import command_id
from services.gateway.domain.cursors import InvalidCursorError, opened, signed
from services.gateway.labels import pt_br
from shared.contracts.problems import PROBLEMS

NOW = datetime.now(UTC)
AGENT = UUID(int=4)
PLACE = (NOW, UUID(int=7))


def tokens(keys_dir: Path, at: datetime = NOW) -> AccessTokens:
    return AccessTokens(keys_dir, timedelta(minutes=15), lambda: at)


def forged(keys_dir: Path, key: str = "gateway", **changed: object) -> str:
    secret = load_pem_private_key((keys_dir / f"{key}.key").read_bytes(), password=None)
    claims = {
        "iss": "gateway",
        "aud": "guiche",
        "sub": str(AGENT),
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + timedelta(hours=3),  # the suite may take its time to come here
        **changed,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret, algorithm="EdDSA", headers={"kid": "gateway"})  # pyright: ignore[reportArgumentType]


def test_our_own_token_names_its_agent(keys_dir: Path) -> None:
    made = tokens(keys_dir)
    assert made.read(made.issue(AGENT)) == AGENT
    assert made.read(forged(keys_dir)) == AGENT


def test_a_token_of_a_gateway_whose_clock_is_ahead_is_read_by_the_others(keys_dir: Path) -> None:
    """Or by itself, once its clock was set back: nobody is signed out by that."""
    ahead = tokens(keys_dir, NOW + timedelta(minutes=10))
    assert tokens(keys_dir).read(ahead.issue(AGENT)) == AGENT


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "tickets"},
        {"aud": ["guiche", "tickets"]},
        {"iss": "directory"},
        {"exp": NOW - timedelta(minutes=1)},
        {"exp": None},
        {"sub": "not an id"},
        {"key": "tickets"},
    ],
)
def test_a_token_with_one_thing_wrong_is_refused(
    keys_dir: Path, changed: dict[str, object]
) -> None:
    with pytest.raises(InvalidAccessTokenError):
        tokens(keys_dir).read(forged(keys_dir, **changed))  # pyright: ignore[reportArgumentType]


def test_no_algorithm_and_a_secret_algorithm_are_refused(keys_dir: Path) -> None:
    public = (keys_dir / "public" / "gateway.pem").read_bytes()
    claims = {"iss": "gateway", "aud": "guiche", "sub": str(AGENT), "exp": NOW.timestamp() + 60}
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "gateway"})
    # PyJWT itself refuses to sign with a public key, so any secret stands in for it
    symmetric = jwt.encode(claims, public[40:72], algorithm="HS256", headers={"kid": "gateway"})
    for token in ("", "x", unsigned, symmetric):
        with pytest.raises(InvalidAccessTokenError):
            tokens(keys_dir).read(token)


def test_a_cursor_leads_back_to_its_place() -> None:
    assert opened(signed(PLACE, "aguardando", b"k"), "aguardando", b"k") == PLACE


def test_a_cursor_of_another_list_or_key_is_refused() -> None:
    cursor = signed(PLACE, "aguardando", b"k")
    for purpose, key in (("atendendo", b"k"), ("aguardando", b"other")):
        with pytest.raises(InvalidCursorError):
            opened(cursor, purpose, key)


@given(st.text(max_size=80))
def test_no_text_is_a_cursor(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        opened(text, "aguardando", b"k")


def test_the_same_key_of_another_person_is_another_command() -> None:
    assert command_id(AGENT, "a") == command_id(AGENT, "a")
    assert command_id(AGENT, "a") != command_id(AGENT, "b")
    assert command_id(AGENT, "a") != command_id(UUID(int=5), "a")


def test_every_refusal_has_a_sentence_in_portuguese() -> None:
    assert set(pt_br.PROBLEMS) == set(PROBLEMS)
