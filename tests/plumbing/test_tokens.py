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
