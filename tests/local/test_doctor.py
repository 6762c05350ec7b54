"""A process whose work stands still is not well, however ready it calls itself."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deploy.local.diagnosis import diagnose
from deploy.local.places import Places
from deploy.local.reports import reports
from tests.support.stack import scratch_places

NOBODY = "127.0.0.1:1"


@pytest.fixture
def places() -> Iterator[Places]:
    with scratch_places() as made:
        yield made


@pytest.fixture
async def standing_still() -> AsyncIterator[str]:
    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"ready": True, "waiting_for": []})

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"alive": False, "stale": ["follow"]}, status=503)

    app = web.Application()
    app.router.add_get("/ready", ready)
    app.router.add_get("/health", health)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_a_report_says_which_loop_stands_still(standing_still: str) -> None:
    async with aiohttp.ClientSession() as http:
        found = await reports(http, {"gateway": standing_still}, plain=["gateway"])
    assert found["gateway"].answered
    assert not found["gateway"].ready
    assert found["gateway"].waiting_for == ("its loop follow",)


async def test_the_doctor_sends_to_the_log_of_a_process_that_stands_still(
    standing_still: str, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", NOBODY)
    monkeypatch.setenv("GUICHE_API", standing_still)
    findings = {finding.what: finding for finding in await diagnose(places)}
    assert not findings["gateway"].well
    assert findings["gateway"].said == "waits for its loop follow"
    assert "gateway.log" in findings["gateway"].to_do
