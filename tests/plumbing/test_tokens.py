"""Only the right service, with a fresh token of a known service, gets in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from shared.contracts.problems import PROBLEMS
from shared.plumbing import tokens
from shared.plumbing.problems import install_problems
from shared.plumbing.tokens import (
    Caller,
    InvalidTokenError,
    TokenSigner,
    TokenVerifier,
    caller_dependency,
)

ACCOUNT = UUID(int=7)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for service in ("gateway", "tickets"):
        _make_key(tmp_path, service)
    return tmp_path


def _make_key(folder: Path, service: str) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "public").mkdir(exist_ok=True)
    (folder / f"{service}.key").write_bytes(private)
    (folder / "public" / f"{service}.pem").write_bytes(public)
    return key


def _token(keys: Path) -> str:
    signer = TokenSigner("gateway", keys)
    return signer.sign("tickets", account=ACCOUNT, principal="agent:ana", roles=["agent"])


def test_the_caller_is_who_was_signed_for(keys: Path) -> None:
    caller = TokenVerifier("tickets", keys).verify(_token(keys))
    assert caller == Caller("gateway", ACCOUNT, "agent:ana", ("agent",))


def test_a_token_for_another_service_is_refused(keys: Path) -> None:
    with pytest.raises(InvalidTokenError):
        TokenVerifier("projections", keys).verify(_token(keys))


def test_a_token_lives_for_sixty_seconds(keys: Path) -> None:
    token = _token(keys)
    verifier = TokenVerifier("tickets", keys)
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(seconds=58)):
        verifier.verify(token)
    for away in (timedelta(seconds=70), -timedelta(seconds=30)):
        with time_machine.travel(now + away), pytest.raises(InvalidTokenError):
            verifier.verify(token)


def test_who_has_a_better_clock_than_the_machine_signs_and_verifies_by_it(keys: Path) -> None:
    right = datetime.now(UTC)
    with time_machine.travel(right + timedelta(minutes=10)):
        signer = TokenSigner("gateway", keys, now=lambda: right)
        token = signer.sign("tickets", account=ACCOUNT, principal="agent:ana")
        TokenVerifier("tickets", keys, now=lambda: right).verify(token)
        with pytest.raises(InvalidTokenError):
            TokenVerifier("tickets", keys).verify(token)


def test_a_service_cannot_speak_as_another(keys: Path) -> None:
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": "gateway",
        "aud": "tickets",
        "sub": "x",
        "roles": [],
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=60),
    }
    key = (keys / "tickets.key").read_text()
    verifier = TokenVerifier("tickets", keys)
    for kid in ("gateway", "tickets", "nobody", None):
        headers = None if kid is None else {"kid": kid}
        forged = jwt.encode(claims, key, algorithm="EdDSA", headers=headers)
        with pytest.raises(InvalidTokenError):
            verifier.verify(forged)


@pytest.mark.parametrize("claim", ["aud", "sub", "exp", "nbf", "iat", "roles"])
def test_every_claim_is_required(keys: Path, claim: str) -> None:
    token = _token(keys)
    claims = jwt.decode(token, options={"verify_signature": False})
    del claims[claim]
    key = (keys / "gateway.key").read_text()
    short = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "gateway"})
    with pytest.raises(InvalidTokenError):
        TokenVerifier("tickets", keys).verify(short)


@pytest.mark.parametrize("token", ["", "a.b.c", "é", "Bearer x"])
def test_rubbish_is_refused(keys: Path, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        TokenVerifier("tickets", keys).verify(token)


def test_an_unsigned_token_is_refused(keys: Path) -> None:
    claims = jwt.decode(_token(keys), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "gateway"})
    with pytest.raises(InvalidTokenError):
        TokenVerifier("tickets", keys).verify(unsigned)


def test_a_service_added_later_is_known_without_a_restart(keys: Path) -> None:
    verifier = TokenVerifier("tickets", keys)
    verifier.verify(_token(keys))
    _make_key(keys, "bot")
    token = TokenSigner("bot", keys).sign("tickets", account=None, principal="bot")
    assert verifier.verify(token) == Caller("bot", None, "bot", ())


class Times:
    """The wall clock and the machine's seconds, as the test sets them."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


def signed(signer: TokenSigner, principal: str = "agent:ana", roles: str = "agent") -> str:
    return signer.sign("tickets", account=ACCOUNT, principal=principal, roles=[roles])


def test_a_token_is_used_again_for_the_same_caller_only(keys: Path) -> None:
    times = Times()
    signer = TokenSigner("gateway", keys, now=times.now)
    ana = signed(signer)
    times.pass_by(29)
    assert signed(signer) == ana
    others = {
        signed(signer, principal="agent:bia"),
        signed(signer, roles="supervisor"),
        signer.sign("tickets", account=None, principal="agent:ana", roles=["agent"]),
        signer.sign("projections", account=ACCOUNT, principal="agent:ana", roles=["agent"]),
    }
    assert len(others | {ana}) == 5


def test_a_token_that_is_given_out_lives_for_thirty_more_seconds(keys: Path) -> None:
    times = Times()
    signer = TokenSigner("gateway", keys, now=times.now)
    for _ in range(50):
        token = signed(signer)
        expires = jwt.decode(token, options={"verify_signature": False})["exp"]
        assert expires - times.at.timestamp() >= 30
        times.pass_by(7)


def test_a_clock_that_is_set_back_gives_no_token_from_the_future(keys: Path) -> None:
    times = Times()
    signer, verifier = TokenSigner("gateway", keys, now=times.now), TokenVerifier("tickets", keys)
    signed(signer)
    times.at -= timedelta(minutes=10)
    token = signed(signer)
    assert TokenVerifier("tickets", keys, now=times.now).verify(token).principal == "agent:ana"
    with pytest.raises(InvalidTokenError):
        verifier.verify(token)


def test_what_was_verified_is_not_verified_twice_but_expires(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = Times()
    token = signed(TokenSigner("gateway", keys, now=times.now))
    verifier = TokenVerifier("tickets", keys, now=times.now, seconds=lambda: times.seconds)
    caller = verifier.verify(token)
    with monkeypatch.context() as patched:
        patched.setattr(jwt, "decode", None)
        times.pass_by(58)
        assert verifier.verify(token) is caller
        times.pass_by(8)  # 60 s and 5 s for the clocks of two machines are over
        with pytest.raises(InvalidTokenError):
            verifier.verify(token)
    times.at -= timedelta(seconds=120)  # and it does not count before its time
    with pytest.raises(InvalidTokenError):
        verifier.verify(token)


def test_a_key_that_was_taken_away_counts_for_five_seconds_at_most(keys: Path) -> None:
    times = Times()
    token = signed(TokenSigner("gateway", keys, now=times.now))
    verifier = TokenVerifier("tickets", keys, now=times.now, seconds=lambda: times.seconds)
    verifier.verify(token)
    (keys / "public" / "gateway.pem").unlink()
    times.pass_by(5)
    with pytest.raises(InvalidTokenError):
        verifier.verify(token)


def test_a_new_key_counts_at_once_and_the_old_one_no_more(keys: Path) -> None:
    times = Times()
    old = signed(TokenSigner("gateway", keys, now=times.now))
    verifier = TokenVerifier("tickets", keys, now=times.now, seconds=lambda: times.seconds)
    verifier.verify(old)
    _make_key(keys, "gateway")
    new = signed(TokenSigner("gateway", keys, now=times.now))
    assert verifier.verify(new).principal == "agent:ana"
    with pytest.raises(InvalidTokenError):
        verifier.verify(old)


def test_a_key_that_is_half_written_takes_nobody_s_away(keys: Path) -> None:
    times = Times()
    token = signed(TokenSigner("gateway", keys, now=times.now))
    verifier = TokenVerifier("tickets", keys, now=times.now, seconds=lambda: times.seconds)
    verifier.verify(token)
    (keys / "public" / "bot.pem").write_bytes(b"-----BEGIN PUBLIC")
    times.pass_by(5)
    assert verifier.verify(token).principal == "agent:ana"


def test_what_is_remembered_is_bounded(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_REMEMBERED", 2)
    signer, verifier = TokenSigner("gateway", keys), TokenVerifier("tickets", keys)
    first = signed(signer, principal="agent:0")
    for number in range(1, 4):
        verifier.verify(signed(signer, principal=f"agent:{number}"))
    assert verifier.verify(first).principal == "agent:0"
    assert signed(signer, principal="agent:3") == signed(signer, principal="agent:3")


def test_over_http_a_missing_or_wrong_token_is_a_401_problem(keys: Path) -> None:
    app = FastAPI()
    install_problems(app, PROBLEMS)
    known = Depends(caller_dependency(TokenVerifier("tickets", keys)))

    @app.get("/who")
    async def who(caller: Caller = known) -> str:  # pyright: ignore[reportUnusedFunction]
        return caller.principal

    client = TestClient(app)
    good = client.get("/who", headers={"Authorization": f"Bearer {_token(keys)}"})
    assert good.json() == "agent:ana"
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer x"}):
        refused = client.get("/who", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
