"""A client that is generated from the API's description drives a ticket from queue to closing."""

import compileall
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.gateway.app import build_app
from services.gateway.settings import Settings
from tests.checks import system as systems
from tests.checks.system import System
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(400)
_PACKAGE = "guiche_client"
_CUSTOMER = "5511987650001"
_SECONDS = 60.0


@pytest.fixture
def generated(keys_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package, importable."""
    description = tmp_path / "openapi.json"
    described = build_app(Settings(keys_dir=keys_dir)).openapi()
    description.write_text(json.dumps(described))
    package, tool = tmp_path / _PACKAGE, Path(sys.executable).with_name("openapi-python-client")
    made = subprocess.run(
        [tool, "generate", "--path", description, "--output-path", package, "--meta", "none"],
        env={"PATH": str(tool.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Warning" not in made.stdout, made.stdout
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return package


def modules(package: Path) -> list[str]:
    return sorted(
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for path in package.rglob("*.py")
        if path.name != "__init__.py"
    )


def test_the_client_compiles_and_has_a_function_for_every_operation(
    generated: Path, keys_dir: Path
) -> None:
    assert compileall.compile_dir(generated, quiet=1)
    names = modules(generated)
    for name in names:
        import_module(name)
    described = build_app(Settings(keys_dir=keys_dir)).openapi()
    operations = sum(len(path) for path in described["paths"].values())
    assert sum(f"{_PACKAGE}.api." in name for name in names) == operations


@pytest.mark.usefixtures("generated")
async def test_it_drives_a_ticket_from_the_queue_to_its_close() -> None:
    """Serve a ticket with a client that is generated from the API's description."""
    async with systems.running(durable=False, logs=None) as system:
        await _writes(system, "Oi, preciso da segunda via do boleto")
        await _story(await _signed_in(system))


async def _story(signed_in: Any) -> None:  # noqa: ANN401
    async with signed_in as client:
        card = await _first_card(client)
        ticket = card.id
        accepted = await _call("tickets.accept_ticket", client, ticket, body=_model("Accept"))
        assert accepted.ticket.lifecycle == "attending"
        text = _model("SendText", type_="text", text="Já envio a segunda via.")
        said = await _call(
            "tickets.send_message", client, ticket, body=text, idempotency_key="boleto"
        )
        assert said.message_id is not None
        reason = await _reason(client, "Resolvido")
        closing = _model("Close", reason_id=reason.id, farewell=False)
        closed = await _call("tickets.close_ticket", client, ticket, body=closing)
        assert closed.ticket.lifecycle == "closed"
        refused = await _call("tickets.send_message", client, ticket, body=text)
        assert (refused.code, refused.status) == ("ticket_closed", 409)


async def _writes(system: System, text: str) -> None:
    number = system.public["GUICHE_PHONE_NUMBER_ID"]
    where = f"customers/{_CUSTOMER}/messages"
    body = {"phone_number_id": number, "name": "Marina", "messages": [{"text": text}]}
    await system.control(where, {**body, "together": True})


async def _signed_in(system: System) -> Any:  # noqa: ANN401  of the generated package
    module = import_module(f"{_PACKAGE}.client")
    login = system.public["GUICHE_AGENT_LOGINS"].split(",")[0]
    credentials = _model("Credentials", login=login, password=system.public["GUICHE_PASSWORD"])
    door = system.doors[0]
    async with module.Client(base_url=door) as client:
        session = await _call("sessions.sign_in", client, body=credentials)
    return module.AuthenticatedClient(base_url=door, token=session.access_token)


async def _first_card(client: Any) -> Any:  # noqa: ANN401
    view = import_module(f"{_PACKAGE}.models").ListViewView("aguardando")

    async def first() -> Any:  # noqa: ANN401
        page = await _call("views.list_view", client, view)
        return page.items[0] if page.items else None

    return await until(first, what="nothing waits", seconds=_SECONDS)


async def _reason(client: Any, name: str) -> Any:  # noqa: ANN401
    page = await _call("close_reasons.list_close_reasons", client, q=name)
    return next(one for one in page.items if one.name == name and isinstance(one.id, UUID))


async def _call(operation: str, client: Any, *path: object, **given: object) -> Any:  # noqa: ANN401
    ask: Callable[..., Awaitable[Any]] = import_module(f"{_PACKAGE}.api.{operation}").asyncio
    return await ask(*path, client=client, **given)


def _model(name: str, **fields: object) -> Any:  # noqa: ANN401
    return getattr(import_module(f"{_PACKAGE}.models"), name)(**fields)
