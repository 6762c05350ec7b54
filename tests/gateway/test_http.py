"""The public API over real HTTP: the other services are tiny servers that a test fills."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from services.gateway.adapters.access_tokens import AccessTokens
from services.gateway.adapters.changes import Changes
from services.gateway.adapters.counting import Counting
from services.gateway.adapters.directory import DirectoryTable
from services.gateway.adapters.entities import Entities
from services.gateway.adapters.http import contacts, live, media, openapi, problems, sessions, views
from services.gateway.adapters.http.body_cap import BodyCap
from services.gateway.adapters.http.entities import EntityRoutes
from services.gateway.adapters.http.signed_in import person_dependency
from services.gateway.adapters.http.tickets import TicketRoutes
from services.gateway.adapters.media import Media
from services.gateway.adapters.services import Directory, Projections, Tickets
from services.gateway.domain.cards import Names
from services.gateway.labels import pt_br
from shared.contracts.directory import AgentChanged, SectorChanged
from shared.contracts.envelope import Message
from shared.contracts.inbox import RebuiltModels
from shared.contracts.internal_api import (
    COMMAND_ID_HEADER,
    Allowed,
    CommandAnswer,
    CountsAnswer,
    SessionAnswer,
    TicketState,
    ViewCount,
    ViewPage,
)
from shared.plumbing import clock
from shared.plumbing.http import InternalClient
from shared.plumbing.kafka import Received
from shared.plumbing.tokens import TokenSigner
from tests.gateway.rows import ACCOUNT, ANA, BIA, NOON, VENDAS, a_change, a_row, a_seen
from tests.support.company import a_connection, received

TICKET = UUID(int=50)
CONNECTION = UUID(int=2)
FILE = UUID(int=60)  # the id of whatever is uploaded
SIGNED_IN = [
    ("GET", "/v1/me"),
    ("GET", "/v1/views/aguardando"),
    ("GET", "/v1/counts"),
    ("GET", f"/v1/tickets/{TICKET}"),
    ("GET", f"/v1/tickets/{TICKET}/timeline"),
    ("POST", f"/v1/tickets/{TICKET}/accept"),
    ("POST", f"/v1/tickets/{TICKET}/close"),
    ("POST", f"/v1/tickets/{TICKET}/reopen"),
    ("POST", f"/v1/tickets/{TICKET}/flow"),
    ("GET", "/v1/live"),
    ("POST", "/v1/media"),
    ("GET", f"/v1/media/{FILE}"),
    ("GET", "/v1/sectors"),
    ("GET", f"/v1/agents/{ANA}"),
    ("GET", f"/v1/connections/{CONNECTION}/history"),
]


def told(topic: str, message: Message, key: UUID, offset: int = 0) -> Received:
    return received(topic, message, key, account=ACCOUNT, at=NOON, partition=3, offset=offset)


def a_book() -> DirectoryTable:
    book = DirectoryTable()
    people = [
        AgentChanged(id=ANA, account_id=ACCOUNT, name="Ana", roles=["agent"], sector_ids=[VENDAS]),
        AgentChanged(id=BIA, account_id=ACCOUNT, name="Bia", roles=["admin"], sector_ids=[]),
    ]
    number = a_connection(ACCOUNT, CONNECTION, display_phone="+55 11 4000-0001")
    sector = SectorChanged(id=VENDAS, account_id=ACCOUNT, name="Vendas")
    for entity in (*people, number, sector):
        book.on_message(told("directory.events", entity, entity.id))
    return book


def a_state() -> TicketState:
    return TicketState(
        id=TICKET,
        protocol="p",
        lifecycle="attending",
        placement="inbox",
        contact_id=UUID(int=9),
        connection_id=CONNECTION,
        conversation_id=UUID(int=8),
        sector_id=VENDAS,
        owner_id=ANA,
        opened_at=NOON,
        closed_at=None,
        window_closes_at=None,
        version=4,
        allowed={},
    )


class Others:
    """The other services: what they answer, and what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, tuple[int, str]] = {}
        self.files: dict[str, Callable[[web.Request], web.Response]] = {}
        self.queries: list[dict[str, str]] = []
        self.cuts = 0  # so many requests find that the process has just died

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append((request.path, dict(request.headers), body))
        if request.query:
            self.queries.append(dict(request.query))
        if self.cuts:
            self.cuts -= 1
            assert request.transport is not None
            request.transport.abort()
        if request.path in self.files:
            return self.files[request.path](request)
        status, text = self.answers.get(request.path, (404, '{"code": "not_found"}'))
        return web.Response(status=status, text=text, content_type="application/json")


class Gateway:
    """The gateway's routes over the other services, without Kafka."""

    def __init__(self, keys_dir: Path, base_url: str, session: Callable[[], ClientSession]) -> None:
        signer = TokenSigner("gateway", keys_dir)

        def client(audience: str) -> InternalClient:
            return InternalClient(signer, audience, [base_url], session)

        self.book, self.changes = a_book(), Changes(100)
        self.tokens = AccessTokens(keys_dir, timedelta(minutes=15), clock.now)
        names = Names(self.book.name_of, self.book.number_of)
        self.ready = True
        signed_in = person_dependency(self.tokens, self.book, lambda: self.ready)
        projections = Projections(client("projections"))
        self.live = live.Live(
            self.changes, Counting(projections, 0.01), self.book, names, queue_changes=5
        )
        self.book.on_rights_changed = self.live.rights_changed
        self.app = FastAPI()
        problems.install(self.app, names)
        openapi.install(self.app)
        key = self.tokens.cursor_key()
        directory = Directory(client("directory"))
        tickets = TicketRoutes(
            Tickets(client("tickets")),
            projections,
            Media(client("outbound")),
            names,
            signed_in,
            key,
            uuid4,
        )
        for router in (
            sessions.router(directory, self.tokens, names, signed_in, 3),
            views.router(projections, names, signed_in, key),
            contacts.router(projections, names, signed_in, key),
            tickets.router(),
            media.router(Media(client("outbound")), projections, signed_in, lambda: FILE),
            EntityRoutes(Entities(client("directory")), names, signed_in, key, uuid4).router(),
            live.router(self.live, signed_in),
        ):
            self.app.include_router(router)

    def of(self, agent: UUID) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.issue(agent)}"}


@asynccontextmanager
async def gateway(keys_dir: Path) -> AsyncGenerator[tuple[Gateway, Others, AsyncClient]]:
    others = Others()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", others.handle)
    async with TestServer(app) as server, ClientSession() as session:
        made = Gateway(keys_dir, str(server.make_url("")), lambda: session)
        transport = ASGITransport(app=made.app)
        async with AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield made, others, http


@pytest.mark.parametrize(("method", "path"), SIGNED_IN)
async def test_before_the_directory_is_read_whole_nobody_is_a_stranger(
    keys_dir: Path, method: str, path: str
) -> None:
    async with gateway(keys_dir) as (served, others, http):
        served.ready = False
        answer = await http.request(method, path, headers=served.of(ANA))
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert answer.headers["retry-after"] == "1"
        assert others.asked == []


@pytest.mark.parametrize(("method", "path"), SIGNED_IN)
async def test_nobody_gets_in_without_a_token(keys_dir: Path, method: str, path: str) -> None:
    async with gateway(keys_dir) as (_, others, http):
        answer = await http.request(method, path)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
        assert others.asked == []


@pytest.mark.parametrize(("method", "path"), SIGNED_IN)
async def test_a_parameter_that_does_not_exist_is_refused_by_name(
    keys_dir: Path, method: str, path: str
) -> None:
    async with gateway(keys_dir) as (made, others, http):
        asked = {"etiqueta": "vip", "tag": "1"}
        answer = await http.request(method, path, params=asked, headers=made.of(ANA))
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "invalid_request")
        assert (problem["field"], problem["fields"]) == ("etiqueta", ["etiqueta", "tag"])
        assert problem["reason"] == "extra_forbidden"
        assert "não existe" in problem["detail"]
        assert others.asked == []


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/views/aguardando", "tag"),
        ("/v1/views/aguardando", "type"),
        (f"/v1/tickets/{TICKET}", "as_of"),
    ],
)
async def test_a_filter_that_is_not_built_yet_is_not_ignored(
    keys_dir: Path, path: str, parameter: str
) -> None:
    async with gateway(keys_dir) as (made, _, http):
        answer = await http.get(path, params={parameter: "1"}, headers=made.of(ANA))
        assert (answer.status_code, answer.json()["field"]) == (422, parameter)


async def test_who_has_left_gets_nothing_though_the_token_still_lives(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, _, http):
        gone = AgentChanged(
            id=ANA, account_id=ACCOUNT, name="Ana", roles=["agent"], sector_ids=[], active=False
        )
        made.book.on_message(told("directory.events", gone, ANA))
        assert (await http.get("/v1/me", headers=made.of(ANA))).status_code == 401


async def test_signing_in_gives_a_token_that_says_who_i_am(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (_, others, http):
        session = SessionAnswer(
            account_id=ACCOUNT,
            agent_id=ANA,
            name="Ana",
            roles=["agent"],
            sector_ids=[VENDAS],
            refresh_token="r",  # noqa: S106
            refresh_expires_at=NOON,
        )
        others.answers["/internal/sessions"] = (200, session.model_dump_json())
        body = {"login": "ana", "password": "x"}
        answer = await http.post("/v1/sessions", json=body)
        assert answer.json()["expires_in"] == 900
        token = answer.json()["access_token"]
        me = (await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).json()
        assert (me["name"], me["sectors"]) == ("Ana", [{"id": str(VENDAS), "name": "Vendas"}])
        codes = [(await http.post("/v1/sessions", json=body)).status_code for _ in range(4)]
        assert codes[-1] == 429


async def test_a_session_that_cannot_be_renewed_asks_to_sign_in_again(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (_, others, http):
        refusal = '{"code": "invalid_credentials", "status": 401}'
        others.answers["/internal/sessions/refresh"] = (401, refusal)
        answer = await http.post("/v1/sessions/refresh", json={"refresh_token": "old"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.json()["detail"] == "Entre novamente para continuar."


@pytest.mark.parametrize(
    ("text", "reason", "limit", "detail"),
    [
        (" \n\t ", "string_pattern_mismatch", None, "vazio"),
        ("", "string_too_short", 1, "curto"),
        ("a" * 4097, "string_too_long", 4096, "longo"),
    ],
)
async def test_a_text_that_says_nothing_or_too_much_is_refused_with_what_is_wrong(
    keys_dir: Path, text: str, reason: str, limit: int | None, detail: str
) -> None:
    async with gateway(keys_dir) as (made, others, http):
        path, body = f"/v1/tickets/{TICKET}/messages", {"type": "text", "text": text}
        answer = await http.post(path, json=body, headers=made.of(ANA))
        said = answer.json()
        assert (said["field"], said["reason"], said.get("limit")) == ("text", reason, limit)
        assert detail in said["detail"]
        assert others.asked == []


async def test_a_list_asks_only_for_what_the_agent_may_see(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        page = ViewPage(
            items=[a_row(a_seen("aguardando"), 1)],
            next_after=(NOON, TICKET),
            counts={"aguardando": 1},
            position="1.7-1",
        )
        others.answers["/internal/views/query"] = (200, page.model_dump_json())
        answer = await http.get("/v1/views/aguardando", headers=made.of(ANA))
        asked = others.asked[-1][2].decode()
        assert f'"sector_ids":["{VENDAS}"]' in asked
        card = answer.json()["items"][0]
        assert card["sector"] == {"id": str(VENDAS), "name": "Vendas"}
        assert card["connection"]["number"] == "+55 11 4000-0001"
        assert answer.headers["X-Position"] == "1.7-1"
        cursor = answer.json()["next_cursor"]
        again = await http.get(
            "/v1/views/aguardando", params={"cursor": cursor}, headers=made.of(ANA)
        )
        assert again.status_code == 200
        for wrong in (cursor[:-4], "x", cursor[::-1]):
            refused = await http.get(
                "/v1/views/atendendo", params={"cursor": wrong}, headers=made.of(ANA)
            )
            assert refused.json()["code"] == "invalid_cursor"


async def test_what_a_flow_answers_is_a_list_with_a_counter_of_its_own(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        page = ViewPage(
            items=[a_row(a_seen("bot"), 1)], next_after=None, counts={"bot": 1}, position="1.7-1"
        )
        others.answers["/internal/views/query"] = (200, page.model_dump_json())
        counted = ViewCount(view="bot", sector_id=VENDAS, owner_id=None, tickets=1)
        others.answers["/internal/counts/query"] = (
            200,
            CountsAnswer(counts=[counted]).model_dump_json(),
        )
        listed = (await http.get("/v1/views/bot", headers=made.of(ANA))).json()
        assert (listed["items"][0]["lifecycle"], listed["counts"]) == ("bot", {"bot": 1})
        assert '"view":"bot"' in others.asked[-1][2].decode()
        counts = (await http.get("/v1/counts", headers=made.of(ANA))).json()["views"]
        assert counts == {"aguardando": 0, "atendendo": 0, "resolvidos": 0, "bot": 1}


async def test_the_loser_of_an_accept_reads_who_has_it(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        refusal = (
            f'{{"code": "already_accepted", "held_by": {{"agent_id": "{BIA}"}}, "version": 3}}'
        )
        others.answers[f"/internal/tickets/{TICKET}/accept"] = (409, refusal)
        answer = await http.post(f"/v1/tickets/{TICKET}/accept", headers=made.of(ANA))
        problem = answer.json()
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["held_by"] == {"id": str(BIA), "name": "Bia"}
        assert problem["detail"].startswith("Este atendimento já foi aceito")


async def test_why_a_command_is_not_allowed_is_said_in_portuguese(keys_dir: Path) -> None:
    refused = Allowed(allowed=False, code="ticket_not_closed", detail="The ticket is not closed")
    allowed = {"accept": Allowed(allowed=True), "reopen": refused}
    state = a_state().model_copy(update={"allowed": allowed})
    async with gateway(keys_dir) as (made, others, http):
        row = a_row(a_seen("atendendo"), 1).model_dump_json()
        done = CommandAnswer(ticket=state, version=4, position="1.7-9").model_dump_json()
        others.answers |= {
            "/internal/tickets/query": (200, row),
            f"/internal/tickets/{TICKET}": (200, state.model_dump_json()),
            f"/internal/tickets/{TICKET}/accept": (200, done),
        }
        card = await http.get(f"/v1/tickets/{TICKET}", headers=made.of(ANA))
        accepted = await http.post(f"/v1/tickets/{TICKET}/accept", headers=made.of(ANA))
        for said in (card.json()["allowed"], accepted.json()["ticket"]["allowed"]):
            assert said["accept"]["allowed"] is True
            assert said["reopen"]["detail"] == "O atendimento não está encerrado."


async def test_an_agent_starts_the_flow_of_a_waiting_ticket(keys_dir: Path) -> None:
    path = f"/internal/tickets/{TICKET}/flow"
    async with gateway(keys_dir) as (made, others, http):
        state = a_state().model_copy(update={"lifecycle": "bot", "owner_id": None})
        done = CommandAnswer(ticket=state, version=4, position="1.7-9")
        others.answers[path] = (200, done.model_dump_json())
        headers = {**made.of(ANA), "If-Match": '"3"'}
        answer = await http.post(f"/v1/tickets/{TICKET}/flow", headers=headers, json={})
        assert (answer.status_code, answer.json()["ticket"]["lifecycle"]) == (200, "bot")
        asked, sent, body = others.asked[-1]
        assert (asked, body) == (path, b"{}")
        assert sent["X-Expected-Version"] == "3"
        others.answers[path] = (409, '{"code": "flow_unavailable"}')
        refused = await http.post(f"/v1/tickets/{TICKET}/flow", headers=made.of(ANA))
        assert (refused.status_code, refused.json()["code"]) == (409, "flow_unavailable")
        assert refused.json()["detail"].startswith("Nenhum fluxo")


async def test_the_same_idempotency_key_is_the_same_command(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        done = CommandAnswer(ticket=a_state(), version=4, position="1.7-9")
        others.answers[f"/internal/tickets/{TICKET}/close"] = (200, done.model_dump_json())
        for key in ("a", "a", "b", None, None):
            sent = {} if key is None else {"Idempotency-Key": key}
            headers = {**made.of(ANA), **sent, "If-Match": '"3"'}
            answer = await http.post(f"/v1/tickets/{TICKET}/close", headers=headers)
            assert answer.headers["ETag"] == '"4"'
            assert answer.headers["X-Position"] == "1.7-9"
        ids = [headers[COMMAND_ID_HEADER] for _, headers, _ in others.asked]
        assert ids[0] == ids[1]
        assert len(set(ids)) == 4


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "text", "text": ""}, "text"),
        ({"type": "text", "text": "x" * 4097}, "text"),
        ({"type": "text", "text": "oi", "owner_id": "x"}, "owner_id"),
        ({"type": "hologram", "text": "oi"}, "type"),
        ({"type": ["text"], "text": "oi"}, "type"),
        ([], "body"),
        ({"type": "image", "text": "oi"}, "media_id"),
        ({"type": "image", "media_id": str(FILE), "caption": "x" * 1025}, "caption"),
        ({"type": "text"}, "text"),
        ({"type": "text", "text": "oi\0"}, "text"),
    ],
)
async def test_bad_input_names_the_field_and_is_not_echoed(
    keys_dir: Path, body: dict[str, Any], field: str
) -> None:
    async with gateway(keys_dir) as (made, others, http):
        answer = await http.post(f"/v1/tickets/{TICKET}/messages", json=body, headers=made.of(ANA))
        assert answer.status_code == 422
        assert answer.json()["field"] == field
        assert answer.json()["detail"] in {
            pt_br.PROBLEMS["invalid_request"],
            *pt_br.FIELDS.values(),
        }
        assert "oi" not in answer.text
        assert others.asked == []


async def test_a_body_without_end_is_refused_while_it_is_read(keys_dir: Path) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        yield b'{"login": "'
        for _ in range(1_000):
            sent.append(1)
            yield b"a" * 65_536

    sent: list[int] = []
    async with gateway(keys_dir) as (made, others, http):
        made.app.add_middleware(BodyCap, most=262_144, files={})
        answer = await http.post(
            "/v1/sessions", content=endless(), headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert len(sent) < 10
        assert others.asked == []


async def test_no_text_of_a_person_carries_a_null_character_into_a_database(
    keys_dir: Path,
) -> None:
    async with gateway(keys_dir) as (made, others, http):
        ana = made.of(ANA)
        answers = {
            "login": await http.post("/v1/sessions", json={"login": "ana\0", "password": "x"}),
            "q": await http.get("/v1/views/aguardando", params={"q": "oi\0"}, headers=ana),
            "note": await http.post(
                f"/v1/tickets/{TICKET}/close", json={"note": "fim\0"}, headers=ana
            ),
        }
        for field, answer in answers.items():
            assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert others.asked == []


async def test_a_service_that_is_away_is_said_with_when_to_come_again(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        others.answers["/internal/counts/query"] = (500, "not even json")
        answer = await http.get("/v1/counts", headers=made.of(ANA))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "1"


async def test_a_replica_that_dies_is_nobodys_error(keys_dir: Path) -> None:
    done = CommandAnswer(ticket=a_state(), version=4, position="1.7-9")
    page = ViewPage(items=[], next_after=None, counts={}, position="1.7-1")
    async with gateway(keys_dir) as (made, others, http):
        others.answers[f"/internal/tickets/{TICKET}/accept"] = (200, done.model_dump_json())
        others.answers["/internal/views/query"] = (200, page.model_dump_json())
        others.cuts = 1
        accepted = await http.post(f"/v1/tickets/{TICKET}/accept", headers=made.of(ANA))
        ids = [headers[COMMAND_ID_HEADER] for _, headers, _ in others.asked]
        others.cuts = 1
        listed = await http.get("/v1/views/aguardando", headers=made.of(ANA))
        assert (accepted.status_code, listed.status_code) == (200, 200)
        assert (len(ids), len(set(ids))) == (2, 1)


async def heard(made: Gateway, agent: UUID, last: str | None, count: int) -> list[Any]:
    person = made.book.person(agent)
    assert person is not None
    events: list[Any] = []
    stream = made.live.stream(person, last)
    async with asyncio.timeout(10):
        async for event in stream:
            events.append(event)
            if len(events) == count:
                break
    await stream.aclose()
    return events


async def test_a_stream_resumes_after_the_last_event_and_resets_when_it_is_gone(
    keys_dir: Path,
) -> None:
    async with gateway(keys_dir) as (made, _, _http):
        for offset in range(3):
            change = a_change(None, a_seen("aguardando"), offset + 1, ticket=60 + offset)
            made.changes.on_message(told("inbox.changes", change, ACCOUNT, offset))
        events = await heard(made, ANA, "3-0", 3)
        assert [event.event for event in events] == ["hello", "added", "added"]
        assert [event.id for event in events] == ["3-0", "3-1", "3-2"]
        events = await heard(made, ANA, "3-77", 2)
        assert [event.event for event in events] == ["hello", "reset"]
        assert [event.id for event in events] == [None, "3-2"]


async def test_a_screen_that_comes_back_with_other_rights_loads_again(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, _, _http):
        change = a_change(None, a_seen("aguardando"), 1)
        made.changes.on_message(told("inbox.changes", change, ACCOUNT, 0))
        ana = made.book.person(ANA)
        assert ana is not None
        first = made.live.follow(ana, None)
        hello = await anext(first)
        await first.aclose()
        same = made.live.follow(ana, hello.id)
        assert (await anext(same)).id == hello.id
        await same.aclose()
        other = made.live.follow(replace(ana, sector_ids=()), hello.id)
        assert [(await anext(other)).event for _ in range(2)] == ["hello", "reset"]
        await other.aclose()


async def test_a_screen_that_is_cut_anywhere_hears_on_what_it_has_missed(keys_dir: Path) -> None:
    waits, mine = a_seen("aguardando"), a_seen("atendendo", owner=ANA)
    changes = [
        a_change(None, waits, 1),
        a_change(None, waits, 2, ticket=60),
        a_change(waits, mine, 3, ticket=60),
        a_change(None, waits, 4, ticket=61),
    ]
    whole = ["added", "removed", "added", "added"]
    missed = {"3-0": 4, "3-1": 3, "3-2": 1, "3-3": 0}
    async with gateway(keys_dir) as (made, _, _http):
        for offset, change in enumerate(changes):
            made.changes.on_message(told("inbox.changes", change, ACCOUNT, offset))
        for cut in range(1, 6):
            before = await heard(made, ANA, "3-0", cut)
            last = [event.id for event in before if event.id is not None][-1]
            after = await heard(made, ANA, last, 1 + missed[last])
            later = [event.event for event in after[1:]]
            assert later == whole[len(whole) - missed[last] :]
            assert len(before[1:]) + len(later) >= len(whole)


async def test_a_screen_that_was_away_during_a_switch_loads_again(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, _, _http):
        waits = a_seen("aguardando")
        for offset, change in enumerate(
            [
                a_change(None, waits, 1, ticket=60),
                RebuiltModels(account_id=ACCOUNT),
                a_change(None, waits, 2, ticket=61),
            ]
        ):
            made.changes.on_message(told("inbox.changes", change, ACCOUNT, offset))
        events = await heard(made, ANA, "3-0", 3)
        assert [event.event for event in events] == ["hello", "reset", "added"]
        assert [event.id for event in events] == ["3-0", "3-1", "3-2"]


async def test_a_reader_that_begins_again_repeats_nothing(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, _, _http):
        change = told("inbox.changes", a_change(None, a_seen("aguardando"), 1), ACCOUNT)
        made.changes.on_message(change)
        made.changes.on_message(change)
        assert made.changes.since(ACCOUNT, "3-0") == []


async def test_changed_rights_and_a_slow_screen_end_in_a_reset(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, _, _http):
        person = made.book.person(ANA)
        assert person is not None
        stream = made.live.stream(person, None)
        assert (await anext(stream)).event == "hello"
        moved = AgentChanged(id=ANA, account_id=ACCOUNT, name="Ana", roles=["agent"], sector_ids=[])
        made.book.on_message(told("directory.events", moved, ANA))
        async with asyncio.timeout(10):
            rest = [event.event async for event in stream]
        assert rest[-1] == "reset"
        slow = made.live.stream(person, None)
        assert (await anext(slow)).event == "hello"
        for offset in range(10, 30):
            change = a_change(None, a_seen("aguardando"), offset, ticket=offset)
            made.changes.on_message(told("inbox.changes", change, ACCOUNT, offset))
        async with asyncio.timeout(10):
            rest = [event.event async for event in slow]
        assert rest[-1] == "reset"
