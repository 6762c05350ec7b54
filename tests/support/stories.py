"""Who acts in the stories of tests/flows: customers who write, agents who use the public API."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import aiohttp

from tests.checks.system import System
from tests.support.waiting import until

Json = dict[str, Any]
_MEANWHILE = frozenset({"busy", "not_ready", "unavailable"})


class Agent:
    """Somebody who is signed in."""

    def __init__(self, system: System, name: str, token: str) -> None:
        self._http = system.http
        self._door = system.doors[0]
        self._auth = {"Authorization": f"Bearer {token}"}
        self.name = name

    async def get(self, path: str, **query: str) -> Any:  # noqa: ANN401
        """The answer to a read that succeeds."""
        url = f"{self._door}/v1/{path}"
        async with self._http.get(url, params=query, headers=self._auth) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def send(
        self, method: str, path: str, body: Mapping[str, object], **headers: str
    ) -> tuple[int, Json]:
        """Status and body, refusals as well."""
        url = f"{self._door}/v1/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._http.request(method, url, json=body, headers=self._auth | named) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: Mapping[str, object]) -> tuple[int, Json]:
        """Status and body of a POST."""
        return await self.send("POST", path, body)

    async def does(self, ticket: str, command: str, **body: object) -> Json:
        """The ticket after a command that is allowed."""
        status, answer = await self.post(f"tickets/{ticket}/{command}", body)
        assert status in {200, 202}, answer
        return answer.get("ticket", answer)

    async def may_not(self, ticket: str, command: str, **body: object) -> str:
        """The code with which a command is refused."""
        status, answer = await self.post(f"tickets/{ticket}/{command}", body)
        assert status >= 400, answer
        assert answer["code"] not in _MEANWHILE, answer
        return answer["code"]

    async def upload(self, ticket: str, data: bytes, mime_type: str) -> tuple[int, Json]:
        """Status and body of an upload."""
        form = aiohttp.FormData({"ticket_id": ticket})
        form.add_field("file", BytesIO(data), filename="nota.png", content_type=mime_type)
        async with self._http.post(
            f"{self._door}/v1/media", data=form, headers=self._auth
        ) as answer:
            return answer.status, await answer.json()

    async def file(self, media_id: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and bytes of a file."""
        url = f"{self._door}/v1/media/{media_id}"
        async with self._http.get(url, headers=self._auth | headers) as answer:
            return answer.status, answer.headers, await answer.read()

    async def card(self, phone: str, view: str) -> Json:
        """The customer's ticket in a view, once it is there."""

        async def look() -> Json | None:
            items = (await self.get(f"views/{view}", q=phone))["items"]
            return items[0] if items else None

        return await until(look, what=f"no ticket of {phone} in {view}")

    async def line(self, ticket: str, **wanted: object) -> Json:
        """The newest line of the timeline with these values, once it is there."""

        async def look() -> Json | None:
            items = (await self.get(f"tickets/{ticket}/timeline", limit="100"))["items"]
            fits = (one for one in reversed(items) if wanted.items() <= one.items())
            return next(fits, None)

        return await until(look, what=f"no line with {wanted}")


async def sign_in(system: System, login: str) -> Agent:
    """An agent of the demo's company: `ana@demo`, `bruno@demo`, `admin@demo`, …"""
    credentials = {"login": login, "password": system.public["GUICHE_PASSWORD"]}
    async with system.http.post(f"{system.doors[0]}/v1/sessions", json=credentials) as answer:
        return Agent(system, login.partition("@")[0], (await answer.json())["access_token"])


async def customer_writes(system: System, phone: str, **message: object) -> None:
    """A message to the demo's first number: `text=…`, or `type="image"` with a caption."""
    number = system.public["GUICHE_PHONE_NUMBER_ID"]
    body = {"phone_number_id": number, "name": "Marina", **message}
    await system.control(f"customers/{phone}/messages", body)


async def customers_screen(system: System, phone: str) -> list[Json]:
    """What stands on the customer's phone, oldest first."""
    url = f"{system.url('simulator')}/control/customers/{phone}"
    async with system.http.get(url) as answer:
        return (await answer.json())["messages"]


async def served(system: System, agent: Agent, phone: str) -> str:
    """A ticket of this customer that the agent has accepted."""
    await customer_writes(system, phone, text="Oi, preciso de ajuda")
    card = await agent.card(phone, "aguardando")
    await agent.does(card["id"], "accept")
    return card["id"]
