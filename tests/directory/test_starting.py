"""Until the seed is applied, directory tells nobody anything: a half would pass for the whole."""

from pathlib import Path
from typing import cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.directory.adapters import http
from services.directory.handlers.entities import EntityHandler
from services.directory.handlers.secrets import Secrets
from services.directory.handlers.sessions import Sessions
from shared.contracts.problems import PROBLEMS
from shared.plumbing.problems import install_problems
from shared.plumbing.tokens import TokenVerifier


def _client(keys_dir: Path, *, seeded: bool) -> TestClient:
    app = FastAPI()
    install_problems(app, PROBLEMS)
    unused = object()  # nobody gets so far
    app.include_router(
        http.router(
            cast("Sessions", unused),
            cast("Secrets", unused),
            cast("EntityHandler", unused),
            TokenVerifier("directory", keys_dir),
            seeded=lambda: seeded,
        )
    )
    return TestClient(app)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/internal/secrets"), ("POST", "/internal/sessions")]
)
def test_it_is_not_ready_before_it_is_seeded(keys_dir: Path, method: str, path: str) -> None:
    answer = _client(keys_dir, seeded=False).request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")


def test_once_seeded_it_asks_who_calls(keys_dir: Path) -> None:
    assert _client(keys_dir, seeded=True).get("/internal/secrets").status_code == 401
