"""One agent over the public API: signs in, lists, commands; repeats what got no answer."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import aiohttp

from tests.support.waiting import LateError

VIEWS: Final = ("aguardando", "atendendo", "resolvidos")
Json = dict[str, Any]
_PATIENCE_SECONDS: Final = 180.0  # restarts of everything are shorter
_REQUEST_SECONDS: Final = 15.0
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, and how often it was asked for."""

    status: int
    body: Json
    asked: int

    @property
    def code(self) -> str | None:
        """Of a refusal."""
        return self.body.get("code")

    @property
    def held_by(self) -> str | None:
        """Who holds the ticket, as the refusal says."""
        holder: Json | None = self.body.get("held_by")
        return None if holder is None else holder["id"]


class Agent:
    """A signed-in person. Every POST carries an Idempotency-Key, and is repeated with it."""

    def __init__(self, http: aiohttp.ClientSession, api: str, login: str, password: str) -> None:
        self.login = login
        self.id = ""
        self.repeats = 0
        self._http = http
        self._api = api
        self._credentials = {"login": login, "password": password}
        self._token = ""

    async def sign_in(self) -> None:
        """Begin a session."""
        await self._session()
        self.id = (await self.get("/v1/me"))["id"]

    async def _session(self) -> None:
        async with self._http.post(f"{self._api}/v1/sessions", json=self._credentials) as answer:
            answer.raise_for_status()
            self._token = (await answer.json())["access_token"]

    @property
    def authorization(self) -> dict[str, str]:
        """For who asks by themselves, and wants to see each answer."""
        return {"Authorization": f"Bearer {self._token}"}

    async def command(
        self, ticket: str, verb: str, body: Json | None = None, key: str | None = None
    ) -> Answer:
        """A command with its answer or refusal; raises LateError when none ever comes."""
        path = f"/v1/tickets/{ticket}/{verb}"
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self._asked("POST", path, body or {}, headers)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """A read that must succeed."""
        answer = await self._asked("GET", path, None, {}, params)
        if answer.status != 200:
            what = f"GET {path} did not succeed"
            raise LateError(what, 0, f"{answer.status} {answer.code}")
        return answer.body

    async def view(self, name: str) -> list[Json]:
        """A whole list, walked by cursor."""
        cards: list[Json] = []
        params: dict[str, str] = {"limit": "50"}
        while True:
            page = await self.get(f"/v1/views/{name}", params)
            cards += page["items"]
            if page["next_cursor"] is None:
                return cards
            params["cursor"] = page["next_cursor"]

    async def views(self) -> dict[str, list[Json]]:
        """All three lists."""
        return {name: await self.view(name) for name in VIEWS}

    async def timeline(self, ticket: str) -> list[Json]:
        """All lines of the ticket's conversation, oldest first."""
        lines: list[Json] = []
        params: dict[str, str] = {"limit": "200"}
        while True:
            page = await self.get(f"/v1/tickets/{ticket}/timeline", params)
            lines = page["items"] + lines
            if page["before"] is None:
                return lines
            params["before"] = page["before"]

    async def live(self, last_event_id: str | None) -> AsyncGenerator[tuple[str, str, bytes]]:
        """Server-sent events: kind, id, data; ends when the connection does."""
        headers = self.authorization
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
        where = f"{self._api}/v1/live"
        async with self._http.get(where, headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()
            async for event in _events(answer.content):
                yield event

    async def _asked(
        self,
        method: str,
        path: str,
        body: Json | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        deadline, asked = monotonic() + _PATIENCE_SECONDS, 0
        while monotonic() < deadline:
            asked += 1
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                answer = await self._once(method, path, body, headers, params, asked)
                if answer.status == 401:  # the access token has come to its end
                    await self._session()
                elif answer.status not in _AGAIN and answer.code != "busy":
                    return answer
            self.repeats += 1
            await asyncio.sleep(min(0.1 * asked, 1.0))
        what = f"{method} {path} got no answer"
        raise LateError(what, _PATIENCE_SECONDS, None)

    async def _once(
        self,
        method: str,
        path: str,
        body: Json | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
        asked: int,
    ) -> Answer:
        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
        all_headers = {**headers, **self.authorization}
        async with self._http.request(
            method,
            f"{self._api}{path}",
            json=body,
            headers=all_headers,
            params=params,
            timeout=timeout,
        ) as answer:
            return Answer(answer.status, await answer.json(content_type=None), asked)


async def _events(content: aiohttp.StreamReader) -> AsyncGenerator[tuple[str, str, bytes]]:
    fields: dict[bytes, bytes] = {}
    while raw := await content.readuntil(b"\n"):
        line = raw.rstrip(b"\r\n")
        if line:
            name, _, value = line.partition(b":")
            fields[name] = value.removeprefix(b" ")
            continue
        if b"event" in fields:
            yield fields[b"event"].decode(), fields.get(b"id", b"").decode(), fields[b"data"]
        fields = {}
