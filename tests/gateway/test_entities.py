"""The routes of entities over HTTP, with directory's real handlers behind them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from services.directory.adapters import entities_http, http
from services.directory.entities import account_id_of, id_of
from shared.contracts.directory import AgentChanged, SectorChanged
from shared.contracts.problems import PROBLEMS
from shared.plumbing.problems import install_problems
from shared.plumbing.tokens import TokenVerifier
from tests.directory.test_directory import Setup, directory
from tests.gateway.test_http import Gateway, told
from tests.support.stack import Postgres

ACCOUNT = account_id_of("demo")
VENDAS, SUPORTE = (id_of(SectorChanged, ACCOUNT, key) for key in ("vendas", "suporte"))
HELENA, ANA, STRANGER = UUID(int=71), UUID(int=72), UUID(int=73)
REASONS = "/v1/close-reasons"


@dataclass
class Api:
    """Requests to the gateway as somebody."""

    gateway: Gateway
    http: AsyncClient
    directory: Setup

    async def ask(
        self, method: str, path: str, by: UUID = HELENA, body: object = None, **headers: str
    ) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(
            method, path, headers={**self.gateway.of(by), **sent}, json=body
        )

    async def create(self, name: str, *sectors: UUID, key: str | None = None) -> Response:
        body = {"name": name, "sector_ids": [str(id_) for id_ in sectors]}
        headers = {} if key is None else {"Idempotency_Key": key}
        return await self.ask("POST", REASONS, HELENA, body, **headers)

    async def names(self, query: str = "", by: UUID = HELENA) -> list[str]:
        answer = await self.ask("GET", f"{REASONS}{query}", by)
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json()["items"]]


@pytest.fixture
async def api(postgres: Postgres, keys_dir: Path, tmp_path: Path) -> AsyncGenerator[Api]:
    async with directory(postgres, keys_dir, tmp_path) as (setup, _):
        await setup.apply()
        app = _directory_app(setup, keys_dir)
        async with _served(app) as url, ClientSession() as session:
            gateway = Gateway(keys_dir, url, lambda: session)
            for person in (
                _agent(HELENA, "Helena", ["admin"], []),
                _agent(ANA, "Ana", ["agent"], [VENDAS]),
            ):
                gateway.book.on_message(told("directory.events", person, person.id))
            transport = ASGITransport(app=gateway.app)
            async with AsyncClient(transport=transport, base_url="http://gateway") as http_client:
                yield Api(gateway, http_client, setup)


def _agent(id_: UUID, name: str, roles: list[str], sectors: list[UUID]) -> AgentChanged:
    return AgentChanged(id=id_, account_id=ACCOUNT, name=name, roles=roles, sector_ids=sectors)


def _directory_app(setup: Setup, keys_dir: Path) -> FastAPI:
    app = FastAPI()
    install_problems(app, PROBLEMS)
    entities_http.install_refusals(app)
    verifier = TokenVerifier("directory", keys_dir)
    app.include_router(
        http.router(setup.sessions, setup.secrets, setup.entities, verifier, seeded=lambda: True)
    )
    return app


@asynccontextmanager
async def _served(app: FastAPI) -> AsyncGenerator[str]:
    """The app behind a real socket."""
    transport = ASGITransport(app=app)
    async with AsyncClient(transport=transport, base_url="http://directory") as inside:

        async def handle(request: web.Request) -> web.Response:
            answer = await inside.request(
                request.method,
                request.path_qs,
                headers=dict(request.headers),
                content=await request.read(),
            )
            type_ = answer.headers.get("content-type", "")
            return web.Response(
                status=answer.status_code, body=answer.content, headers={"Content-Type": type_}
            )

        outside = web.Application()
        outside.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(outside) as server:
            yield str(server.make_url(""))


async def test_an_administrator_creates_renames_and_takes_a_reason_out_of_use(api: Api) -> None:
    created = await api.create("Resolvido")
    assert created.status_code == 201
    reason: dict[str, Any] = created.json()
    path = f"{REASONS}/{reason['id']}"
    assert (created.headers["location"], created.headers["etag"]) == (
        path,
        f'"{reason["version"]}"',
    )
    etag = created.headers["etag"]
    renamed = await api.ask("PUT", path, body={"name": "Solucionado"}, If_Match=etag)
    assert renamed.json()["name"] == "Solucionado"
    assert (await api.ask("GET", path)).headers["etag"] == renamed.headers["etag"]
    assert (await api.ask("DELETE", path)).json()["active"] is False
    assert await api.names() == []
    assert await api.names("?active=all") == ["Solucionado"]
    assert (await api.ask("POST", f"{path}/reactivate")).json()["active"] is True
    assert await api.names() == ["Solucionado"]
    history = (await api.ask("GET", f"{path}/history")).json()["items"]
    told = [(one["action"], one["by"]["name"], one["after"]["name"]) for one in history]
    assert told == [
        ("reactivated", "Helena", "Solucionado"),
        ("deactivated", "Helena", "Solucionado"),
        ("changed", "Helena", "Solucionado"),
        ("created", "Helena", "Resolvido"),
    ]


async def test_agents_list_the_active_reasons_of_their_sectors(api: Api) -> None:
    gone = (await api.create("Antigo")).json()["id"]
    await api.ask("DELETE", f"{REASONS}/{gone}")
    support = (await api.create("Problema corrigido", SUPORTE)).json()["id"]
    await api.create("Venda concluída", VENDAS)
    await api.create("Resolvido")
    assert await api.names() == ["Problema corrigido", "Resolvido", "Venda concluída"]
    assert await api.names(by=ANA) == ["Resolvido", "Venda concluída"]
    assert await api.names(f"?sector={VENDAS}") == ["Resolvido", "Venda concluída"]
    assert await api.names(f"?sector={SUPORTE}", by=ANA) == ["Resolvido"]
    for out_of_sight in (gone, support):
        answer = await api.ask("GET", f"{REASONS}/{out_of_sight}", ANA)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_only_administrators_edit_and_see_what_is_out_of_use(api: Api) -> None:
    id_ = (await api.create("Resolvido")).json()["id"]
    for method, path, body in (
        ("POST", REASONS, {"name": "x"}),
        ("PUT", f"{REASONS}/{id_}", {"name": "x"}),
        ("DELETE", f"{REASONS}/{id_}", None),
        ("POST", f"{REASONS}/{id_}/reactivate", None),
        ("GET", f"{REASONS}/{id_}/history", None),
        ("GET", f"{REASONS}?active=all", None),
    ):
        answer = await api.ask(method, path, ANA, body, If_Match="*")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
    assert await api.names(by=ANA) == ["Resolvido"]


async def test_the_same_key_creates_once(api: Api) -> None:
    first = await api.create("Resolvido", key="k1")
    again = await api.create("Resolvido", key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    other = await api.create("Outro", key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await api.names() == ["Resolvido"]


async def test_who_edits_an_older_version_is_refused(api: Api) -> None:
    created = await api.create("Resolvido")
    path = f"{REASONS}/{created.json()['id']}"
    etag = created.headers["etag"]
    await api.ask("PUT", path, body={"name": "Solucionado"}, If_Match=etag)
    late = await api.ask("PUT", path, body={"name": "Encerrado"}, If_Match=etag)
    assert (late.status_code, late.json()["code"]) == (412, "version_mismatch")
    missing = await api.ask("PUT", path, body={"name": "Encerrado"})
    assert (missing.status_code, missing.json()["field"]) == (422, "If-Match")
    long = await api.ask("PUT", path, body={"name": "x"}, If_Match=f'"{"9" * 4301}"')
    assert (long.status_code, long.json()["field"]) == (422, "If-Match")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "x", "sector_ids": ["vendas"]}, "sector_ids.0"),
        ({"name": "x", "sector_ids": [str(STRANGER)]}, "sector_ids"),
        ({"name": "x", "active": False}, "active"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, body: dict[str, Any], field: str) -> None:
    answer = await api.ask("POST", REASONS, body=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (
        422,
        "invalid_request",
        field,
    )
    assert await api.names("?active=all") == []


async def test_a_name_is_used_once_among_the_active(api: Api) -> None:
    first = (await api.create("Não respondeu")).json()["id"]
    taken = await api.create("nao  respondeu")
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert taken.json()["id"] == first


async def test_a_list_is_walked_by_cursor_and_refuses_what_it_does_not_know(api: Api) -> None:
    for name in ("C", "a", "B"):
        await api.create(name)
    first = (await api.ask("GET", f"{REASONS}?limit=2")).json()
    assert [item["name"] for item in first["items"]] == ["a", "B"]
    assert await api.names(f"?cursor={first['next_cursor']}") == ["C"]
    for query, field in (("?cursor=x", "cursor"), ("?colour=red", "colour"), ("?q=%00", "q")):
        answer = await api.ask("GET", f"{REASONS}{query}")
        assert (answer.status_code, answer.json()["field"]) == (422, field), query
    other = await api.ask("GET", f"/v1/sectors?cursor={first['next_cursor']}")
    assert other.json()["code"] == "invalid_cursor"


async def test_sectors_agents_and_connections_are_listed(api: Api) -> None:
    for path, names in (
        ("/v1/sectors", ["Suporte", "Vendas"]),
        ("/v1/agents", ["Ana"]),
        ("/v1/connections", ["Principal"]),
    ):
        answer = await api.ask("GET", path, ANA)
        assert [item["name"] for item in answer.json()["items"]] == names
        assert (await api.ask("POST", path, body={"name": "x"})).status_code == 405


async def test_another_account_sees_nothing(api: Api) -> None:
    id_ = (await api.create("Resolvido")).json()["id"]
    other = _agent(STRANGER, "Outra", ["admin"], []).model_copy(update={"account_id": uuid4()})
    api.gateway.book.on_message(told("directory.events", other, STRANGER))
    assert await api.names("?active=all", by=STRANGER) == []
    answer = await api.ask("PUT", f"{REASONS}/{id_}", STRANGER, {"name": "x"}, If_Match="*")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_every_change_is_published(api: Api) -> None:
    before = await api.directory.count("outbox")
    await api.create("Resolvido")
    assert await api.directory.count("outbox") == before + 2  # the reason, its account's version
