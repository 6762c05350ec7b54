"""Files over the public API: checked before they go anywhere, seen by who sees the ticket."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from services.gateway.adapters.http.body_cap import BodyCap
from shared.contracts.internal_api import MediaInfo
from tests.gateway.rows import ANA, a_row, a_seen
from tests.gateway.test_http import CONNECTION, FILE, TICKET, Others, gateway

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)
STORED = f"/internal/media/{FILE}"
INFO = MediaInfo(
    media_id=FILE,
    ticket_id=TICKET,
    contact_id=UUID(int=9),
    direction="outbound",
    state="stored",
    mime_type="image/png",
    size=len(PICTURE),
    sha256="ab",
    filename="nota fiscal.png",
)
FIELDS = {"ticket_id": str(TICKET)}


def in_sight(others: Others, info: MediaInfo = INFO) -> None:
    row = a_row(a_seen("atendendo", owner=ANA), 1).model_dump_json()
    others.answers["/internal/tickets/query"] = (200, row)
    others.answers[STORED] = (200, info.model_dump_json())


def a_file(
    data: bytes = PICTURE, mime_type: str = "image/png", name: str = "nota fiscal.png"
) -> dict[str, Any]:
    return {"file": (name, data, mime_type)}


async def test_an_upload_is_kept_under_its_ticket(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        in_sight(others)
        answer = await http.post(
            "/v1/media", data=FIELDS, files=a_file(name="C:\\fotos\\nota.png"), headers=made.of(ANA)
        )
        assert answer.status_code == 201, answer.text
        assert answer.json() == {
            "media_id": str(FILE),
            "type": "image",
            "mime_type": "image/png",
            "size": len(PICTURE),
            "sha256": "ab",
            "filename": "nota fiscal.png",
        }
        path, _, body = others.asked[-1]
        assert (path, body) == (STORED, PICTURE)
        (query,) = others.queries
        assert query == {
            "ticket_id": str(TICKET),
            "contact_id": str(UUID(int=9)),
            "connection_id": str(CONNECTION),
            "mime_type": "image/png",
            "filename": "nota.png",
        }


@pytest.mark.parametrize(
    ("fields", "files", "status", "expected"),
    [
        (FIELDS, a_file(mime_type="image/gif"), 422, {"field": "file", "reason": "file_type"}),
        (FIELDS, a_file(bytes(5 * 1024 * 1024 + 1)), 413, {"field": "file", "limit": 5242880}),
        (FIELDS, a_file(bytes(18 * 1024 * 1024)), 413, {"field": "file"}),
        (FIELDS, {"photo": ("a", b"a")}, 422, {"field": "file", "reason": "missing"}),
        ({}, a_file(), 422, {"field": "ticket_id", "reason": "missing"}),
        ({"ticket_id": "x"}, a_file(), 422, {"field": "ticket_id", "reason": "uuid_parsing"}),
        (FIELDS, None, 422, {"field": "file", "reason": "not_multipart"}),
    ],
    ids=["type", "size", "much too large", "no file", "no ticket", "wrong ticket", "no form"],
)
async def test_a_wrong_file_is_refused_by_its_field(
    keys_dir: Path,
    fields: dict[str, str],
    files: dict[str, Any] | None,
    status: int,
    expected: dict[str, Any],
) -> None:
    async with gateway(keys_dir) as (made, others, http):
        made.app.add_middleware(BodyCap, most=1_000, files={"/v1/media": 17 * 1024 * 1024})
        in_sight(others)
        answer = await http.post("/v1/media", data=fields, files=files, headers=made.of(ANA))
        assert answer.status_code == status, answer.text
        assert {name: answer.json().get(name) for name in expected} == expected
        assert answer.json()["detail"]
        assert all(path != STORED for path, _, _ in others.asked)


async def test_an_upload_needs_its_ticket_in_sight(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, _, http):
        answer = await http.post("/v1/media", data=FIELDS, files=a_file(), headers=made.of(ANA))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def ranged(request: web.Request) -> web.Response:
    assert request.headers["Range"] == "bytes=0-3"
    headers = {"Content-Range": f"bytes 0-3/{len(PICTURE)}", "ETag": '"ab"', "X-Internal": "1"}
    return web.Response(body=PICTURE[:4], status=206, headers=headers)


async def test_a_file_is_served_by_ranges_and_kept_nowhere(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        in_sight(others)
        others.files[f"{STORED}/content"] = ranged
        answer = await http.get(f"/v1/media/{FILE}", headers=made.of(ANA) | {"Range": "bytes=0-3"})
        assert (answer.status_code, answer.content) == (206, PICTURE[:4])
        headers = answer.headers
        assert headers["content-type"] == "image/png"
        assert headers["content-range"] == f"bytes 0-3/{len(PICTURE)}"
        assert headers["etag"] == '"ab"'
        assert headers["content-disposition"] == "inline; filename*=UTF-8''nota%20fiscal.png"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "private, no-store"
        assert "x-internal" not in headers


async def test_what_a_browser_would_run_is_downloaded(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        in_sight(others, INFO.model_copy(update={"mime_type": "text/html", "filename": None}))
        others.files[f"{STORED}/content"] = lambda _: web.Response(body=b"<script>")
        answer = await http.get(f"/v1/media/{FILE}", headers=made.of(ANA))
        assert answer.headers["content-disposition"] == "attachment"


async def test_a_file_of_a_ticket_out_of_sight_is_not_there(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        others.answers[STORED] = (200, INFO.model_dump_json())
        answer = await http.get(f"/v1/media/{FILE}", headers=made.of(ANA))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert all("content" not in path for path, _, _ in others.asked)


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (409, "media_not_stored", {}),
        (416, "range_not_satisfiable", {"Content-Range": "bytes */9"}),
    ],
)
async def test_a_refusal_of_the_bytes_is_passed_on(
    keys_dir: Path, status: int, code: str, headers: dict[str, str]
) -> None:
    async with gateway(keys_dir) as (made, others, http):
        in_sight(others)
        others.files[f"{STORED}/content"] = lambda _: web.json_response(
            {"code": code, "reason": "expired"}, status=status, headers=headers
        )
        answer = await http.get(f"/v1/media/{FILE}", headers=made.of(ANA))
        said = answer.json()
        assert (answer.status_code, said["code"], said["reason"]) == (status, code, "expired")
        assert all(answer.headers[name] == value for name, value in headers.items())
