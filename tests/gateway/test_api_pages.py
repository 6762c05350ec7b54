"""The pages that describe the API need no other host: a browser may have no way to any."""

import re
from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient

from services.gateway.app import build_app
from services.gateway.settings import Settings

_NEEDED = re.compile(r"""(?:src|href)="([^"]+)"|\burl: ?'([^']+)'|spec-url="([^"]+)\"""")


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_all_that_a_page_needs_is_here(page: str, keys_dir: Path) -> None:
    app = build_app(Settings(keys_dir=keys_dir))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://here") as http:
        answer = await http.get(page)
        needed = ["".join(found) for found in _NEEDED.findall(answer.text)]
        assert {"/openapi.json"} < set(needed)
        for path in needed:
            assert path.startswith("/")
            assert (await http.get(path)).status_code == 200
