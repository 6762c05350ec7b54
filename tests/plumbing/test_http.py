"""Calls between services: signed, over the replicas, within a deadline, never doubled."""

import asyncio
from pathlib import Path
from time import monotonic
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.plumbing import tracing, tracing_sdk
from shared.plumbing.http import InternalClient, UnreachableError
from shared.plumbing.settings import CommonSettings
from shared.plumbing.tokens import TokenSigner, TokenVerifier
from tests.plumbing.conftest import Serve

NOBODY = "http://127.0.0.1:1"


def _client(keys: Path, session: aiohttp.ClientSession, *urls: str) -> InternalClient:
    return InternalClient(TokenSigner("gateway", keys), "tickets", urls, lambda: session)


async def test_a_call_carries_the_principal_and_brings_the_answer(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    async def handler(request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        caller = TokenVerifier("tickets", keys_dir).verify(token)
        body = f"{caller.principal} {request.path_qs} {(await request.read()).decode()}"
        return web.Response(status=409, text=body, headers={"X-Position": "1.3-9"})

    client = _client(keys_dir, session, await serve(handler))
    answer = await client.post(
        "/tickets", b"{}", account=UUID(int=1), principal="agent:ana", params={"a": "1"}
    )
    assert answer.status == 409
    assert answer.body == b"agent:ana /tickets?a=1 {}"
    assert answer.headers["x-position"] == "1.3-9"


async def test_a_command_carries_the_trace_that_its_id_names(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    carried: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        carried.append(request.headers.get("traceparent"))
        return web.Response()

    client = _client(keys_dir, session, await serve(handler))
    command = UUID(int=0xC0DE)
    exporter = InMemorySpanExporter()
    headers = {"X-Command-Id": str(command)}
    await client.post("/tickets", b"{}", account=None, principal="ana", headers=headers)
    settings = CommonSettings(traces_ratio=1.0)
    tracing.begin(tracing_sdk.recorder_to(SimpleSpanProcessor(exporter), settings, "gateway"))
    try:
        await client.post("/tickets", b"{}", account=None, principal="ana", headers=headers)
        await client.get("/tickets", account=None, principal="ana")
    finally:
        tracing.end()
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert (span.name, span.context.trace_id) == ("call tickets", command.int)
    assert carried == [None, f"00-{command.hex}-{span.context.span_id:016x}-01", None]


async def test_a_replica_that_is_not_there_is_passed_over(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="here")

    client = _client(keys_dir, session, NOBODY, await serve(handler))
    for _ in range(4):
        answer = await client.post("/x", b"", account=None, principal="p")
        assert answer.body == b"here"


async def test_replicas_take_turns(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.host)
        return web.Response()

    client = _client(keys_dir, session, await serve(handler), await serve(handler))
    for _ in range(4):
        await client.get("/x", account=None, principal="p")
    assert len(set(seen)) == 2
    assert seen[:2] == seen[2:]


async def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_read_that_is_cut_goes_to_the_next_replica(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="here")

    client = _client(keys_dir, session, await serve(_cut), await serve(handler))
    assert (await client.get("/x", account=None, principal="p")).body == b"here"


async def test_a_write_that_is_cut_is_never_sent_again(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.host)
        return await _cut(request)

    client = _client(keys_dir, session, await serve(handler), await serve(handler))
    with pytest.raises(UnreachableError) as failed:
        await client.post("/x", b"", account=None, principal="p")
    assert (len(seen), failed.value.maybe_done) == (1, True)


async def test_a_write_that_may_be_repeated_goes_to_the_next_replica_when_it_is_cut(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    client = _client(keys_dir, session, await serve(_cut), await serve(handler))
    for _ in range(2):
        answer = await client.post("/x", b"same", account=None, principal="p", repeatable=True)
        assert answer.body == b"same"


async def test_a_write_that_may_be_repeated_survives_the_restart_of_the_only_replica(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.host)
        return await _cut(request) if len(seen) == 1 else web.Response(text="here")

    client = _client(keys_dir, session, await serve(handler))
    answer = await client.post("/x", b"", account=None, principal="p", repeatable=True)
    assert (answer.body, len(seen)) == (b"here", 2)


async def test_the_deadline_holds(
    serve: Serve, session: aiohttp.ClientSession, keys_dir: Path
) -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    client = _client(keys_dir, session, await serve(handler))
    began = monotonic()
    with pytest.raises(UnreachableError) as failed:
        await client.get("/x", account=None, principal="p", deadline=0.2)
    assert failed.value.maybe_done
    assert monotonic() - began < 2


@pytest.mark.parametrize("urls", [(), (NOBODY,), (NOBODY, NOBODY)])
async def test_when_nobody_is_there_nothing_can_have_been_done(
    session: aiohttp.ClientSession, keys_dir: Path, urls: tuple[str, ...]
) -> None:
    with pytest.raises(UnreachableError) as failed:
        await _client(keys_dir, session, *urls).get("/x", account=None, principal="p")
    assert not failed.value.maybe_done
