"""Does a foreign client of the Cloud API understand us? pywa parses webhooks and answers."""

# pywa is partly untyped.
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false
# pyright: reportUnknownVariableType=false, reportMissingTypeArgument=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp
from pywa.errors import ReEngagementMessage, UnsupportedMessageType, WhatsAppError
from pywa.handlers import (
    CallbackButtonHandler,
    CallbackSelectionHandler,
    MessageHandler,
    MessageStatusHandler,
)
from pywa.types.callback import (
    Button,
    CallbackButton,
    CallbackSelection,
    Section,
    SectionList,
    SectionRow,
)
from pywa.types.message import Message
from pywa.types.message_status import MessageStatus

from tests.simulator.conftest import A_TOKEN, FIRST, Simulator
from tests.simulator.receiver import Receiver

ANA = "5511988887777"


class Parsed:
    """What pywa made of the bodies that the receiver got."""

    def __init__(self, session: httpx.Client) -> None:
        self.session = session
        self.client = client = WhatsApp(
            phone_id=FIRST.phone_number_id, token=A_TOKEN, session=session, validate_updates=False
        )
        self.messages: list[Message] = []
        self.statuses: list[MessageStatus] = []
        self.taps: list[CallbackButton[str] | CallbackSelection[str]] = []
        client.add_handlers(
            MessageHandler(lambda _, message: self.messages.append(message)),
            MessageStatusHandler(lambda _, status: self.statuses.append(status)),
            CallbackButtonHandler(lambda _, tap: self.taps.append(tap)),
            CallbackSelectionHandler(lambda _, tap: self.taps.append(tap)),
        )

    def read(self, bodies: list[bytes]) -> None:
        for body in bodies:
            assert self.client.webhook_update_handler(body) == ("ok", 200)


@pytest.fixture
def parsed(caplog: pytest.LogCaptureFixture) -> Iterator[Parsed]:
    with httpx.Client() as session:
        yield Parsed(session)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == [], "pywa logs what it cannot construct"


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("text", lambda message: message.text == "Olá, tudo bem? 50%"),
        ("image", lambda message: message.image.mime_type == "image/png" and message.caption),
        ("video", lambda message: message.video.id),
        ("audio", lambda message: message.audio.voice),
        ("document", lambda message: message.document.filename == "comprovante.pdf"),
        ("sticker", lambda message: message.sticker.animated is False),
        ("location", lambda message: message.location.name == "Praça da Sé"),
        ("contacts", lambda message: message.contacts[0].name.first_name == "João"),
        ("order", lambda message: message.order.products[0].currency == "BRL"),
        ("unsupported", lambda message: isinstance(message.error, UnsupportedMessageType)),
    ],
)
async def test_every_type_of_message_is_understood(
    receiver: Receiver,
    simulator: Simulator,
    parsed: Parsed,
    kind: str,
    check: Callable[[Message], Any],
) -> None:
    text = "Olá, tudo bem? 50%"
    [wamid] = await simulator.write(ANA, type=kind, text=text, name="Conceição")
    await receiver.until(lambda: bool(receiver.messages()))
    parsed.read(receiver.bodies)
    [message] = parsed.messages
    assert (message.id, message.from_user.wa_id, message.from_user.name) == (
        wamid,
        ANA,
        "Conceição",
    )
    assert message.metadata.phone_number_id == FIRST.phone_number_id
    assert check(message)


async def test_a_reaction_and_a_sender_without_phone_are_understood(
    receiver: Receiver, simulator: Simulator, parsed: Parsed
) -> None:
    reaction = {"reaction": {"message_id": "wamid.x", "emoji": "👍"}}
    await simulator.write("BR.8f21", type="reaction", content=reaction)
    await receiver.until(lambda: bool(receiver.messages()))
    parsed.read(receiver.bodies)
    [message] = parsed.messages
    assert message.reaction
    assert (message.reaction.emoji, message.from_user.bsuid) == ("👍", "BR.8f21")
    assert message.from_user.wa_id is None


@pytest.mark.parametrize(
    ("buttons", "title"),
    [
        ([Button("Vendas", "s.1"), Button("Suporte", "s.2")], "Suporte"),
        (
            SectionList("Ver", [Section("Setores", [SectionRow("Vendas", "s.1", "Preços")])]),
            "Vendas",
        ),
    ],
)
async def test_buttons_and_lists_of_pywa_pass_and_their_taps_are_understood(
    receiver: Receiver,
    simulator: Simulator,
    parsed: Parsed,
    buttons: list[Button] | SectionList,
    title: str,
) -> None:
    await simulator.write(ANA)
    parsed.session.base_url = f"{simulator.url}/v26.0/"
    sent = await asyncio.to_thread(
        parsed.client.send_message, ANA, "Qual setor?", buttons=buttons, footer="Guichê"
    )
    await simulator.control("POST", f"customers/{ANA}/taps", {"title": title})
    await receiver.until(lambda: any("interactive" in each for each in receiver.messages()))
    parsed.read(receiver.bodies)
    [tap] = parsed.taps
    assert (tap.title, tap.data.startswith("s.")) == (title, True)
    assert tap.reply_to_message is not None
    assert tap.reply_to_message.id == sent.id


@pytest.mark.parametrize("version", ["v23", "v26"])
async def test_pywa_sends_through_us_and_understands_the_statuses(
    receiver: Receiver, simulator: Simulator, parsed: Parsed, version: str
) -> None:
    # pywa reads only the first status of a body.
    switches = {"webhook_version": version, "batch_statuses": 1}
    await simulator.control("POST", "behaviour", switches)
    await simulator.write(ANA)
    await receiver.until(lambda: bool(receiver.messages()))
    parsed.session.base_url = f"{simulator.url}/v26.0/"
    sent = await asyncio.to_thread(parsed.client.send_message, ANA, "Olá!", tracker="ours-1")
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    parsed.read(receiver.bodies)
    assert [status.status.value for status in parsed.statuses] == ["sent", "delivered", "read"]
    assert {status.id for status in parsed.statuses} == {sent.id}
    assert {status.tracker for status in parsed.statuses} == {"ours-1"}
    assert await asyncio.to_thread(parsed.messages[0].mark_as_read)


async def test_pywa_raises_its_own_error_for_a_closed_window(
    simulator: Simulator, parsed: Parsed
) -> None:
    await simulator.control("POST", "behaviour", {"window_async_share": 0})
    parsed.session.base_url = f"{simulator.url}/v26.0/"
    with pytest.raises(ReEngagementMessage):
        await asyncio.to_thread(parsed.client.send_message, ANA, "Olá!")


async def test_a_failed_status_is_understood(
    receiver: Receiver, simulator: Simulator, parsed: Parsed
) -> None:
    await simulator.control("POST", "behaviour", {"window_async_share": 1})
    parsed.session.base_url = f"{simulator.url}/v26.0/"
    await asyncio.to_thread(parsed.client.send_message, ANA, "Olá!")
    await receiver.until(lambda: bool(receiver.statuses()))
    # pywa wants contacts beside a failed status, where Meta sends none: only the error is parsed.
    [error] = receiver.statuses()[0]["errors"]
    assert isinstance(WhatsAppError.from_dict(error), ReEngagementMessage)
