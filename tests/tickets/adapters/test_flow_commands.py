"""tickets.commands to tickets.replies: judged once, replied for sure, before the offset moves."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process, create_subprocess_exec
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import pytest_asyncio

from services.tickets.adapters.kafka import AFTER_APPEND, BEFORE_REPLY
from services.tickets.settings import Settings
from shared.contracts import outbound
from shared.contracts.content import ListMenu
from shared.contracts.directory import ConnectionChanged
from shared.contracts.envelope import Envelope
from shared.contracts.ticket_commands import (
    CancelMessage,
    CommandReplied,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
    TicketCommand,
)
from shared.plumbing import failpoints
from shared.plumbing.kafka import Outgoing, Received
from tests.support.waiting import until
from tests.tickets.adapters.serving import (
    ACCOUNT,
    HEARD,
    Served,
    a_text,
    announce,
    customers_write,
    entities,
    outgoing,
    serve,
)
from tests.tickets.adapters.topics import messages_of
from tests.wire.support import create_topics, publish

COMMANDS, REPLIES, ORDERS = "tickets.commands", "tickets.replies", "outbound.commands"
MENU = {
    "type": "list",
    "text": "Sobre o que é?",
    "button": "Escolher",
    "sections": [{"rows": [{"id": "s:1:a", "title": "Boleto", "description": "2ª via"}]}],
}


@pytest_asyncio.fixture
async def listening(settings: Settings) -> Settings:
    """The number enters a flow."""
    await create_topics(settings, *HEARD)
    await announce(settings)
    number = next(one for one in entities() if isinstance(one, ConnectionChanged))
    enters = number.model_copy(update={"entry": "flow"})
    await publish(settings, [outgoing("directory.events", str(number.id).encode(), enters)])
    return settings


@pytest_asyncio.fixture
async def served(listening: Settings) -> AsyncGenerator[Served]:
    async with serve(listening) as served:
        await served.until_ready()
        yield served


class Session:
    """A running session as the bot knows it, and what it asks for."""

    def __init__(self, settings: Settings, started: dict[str, Any]) -> None:
        self._settings = settings
        self.ticket = UUID(started["ticket_id"])
        self._about = {
            "account_id": ACCOUNT,
            "contact_id": started["contact_id"],
            "ticket_id": started["ticket_id"],
            "session_id": started["session_id"],
            "at": datetime.now(UTC),
        }

    def asks(self, kind: type[TicketCommand], **fields: object) -> Outgoing:
        command = kind.model_validate({"command_id": uuid4(), **self._about, **fields})
        return outgoing(COMMANDS, str(command.contact_id).encode(), command)

    async def sends(self, *messages: Outgoing) -> None:
        await publish(self._settings, messages)


async def a_session(served: Served, settings: Settings) -> Session:
    await customers_write(settings, a_text("5511987654321", "oi"))
    (started,) = await served.until_told("FlowSessionStarted", 1)
    return Session(settings, started)


async def replies(settings: Settings, count: int) -> list[CommandReplied]:
    found = await until(partial(messages_of, settings, REPLIES), lambda found: len(found) >= count)
    assert {one.key for one in found} == {str(_read(one).contact_id).encode() for one in found}
    return [_read(one) for one in found]


def _read(received: Received) -> CommandReplied:
    return CommandReplied.read(received.body)


async def test_commands_are_judged_in_order_and_each_is_replied(
    served: Served, listening: Settings
) -> None:
    session = await a_session(served, listening)
    menu = session.asks(QueueAutomaticMessage, content=MENU)
    end = session.asks(HandOff, reason="node", summary="quer boleto")
    late = session.asks(KeepSession)
    await session.sends(menu, end, late)
    said, handed, refused = await replies(listening, 3)
    assert [(one.outcome, one.code) for one in (said, handed, refused)] == [
        ("done", None),
        ("done", None),
        ("refused", "session_ended"),
    ]
    (queued,) = await served.until_told("MessageQueued", 1)
    assert str(said.message_id) == queued["message_id"]
    (note,) = await served.until_told("NoteAdded", 1)
    assert note["text"] == "quer boleto"
    (reply, *_) = await messages_of(listening, REPLIES)
    assert reply.envelope.causation == str(said.command_id)
    assert reply.envelope.correlation == menu.envelope.id


async def test_what_can_be_tapped_and_what_is_taken_back_are_ordered_of_outbound(
    served: Served, listening: Settings
) -> None:
    session = await a_session(served, listening)
    await session.sends(session.asks(QueueAutomaticMessage, content=MENU))
    (said,) = await replies(listening, 1)
    await session.sends(session.asks(CancelMessage, message_id=said.message_id))
    await replies(listening, 2)
    send, cancel = await until(
        partial(messages_of, listening, ORDERS), lambda found: len(found) >= 2
    )
    told = outbound.SendMessage.read(send.body)
    assert told.content == ListMenu.model_validate(MENU)
    assert told.automatic == "flow"
    taken = outbound.CancelSend.read(cancel.body)
    assert (taken.message_id, send.key) == (told.message_id, cancel.key)


async def test_the_same_command_twice_is_stored_once_and_replied_twice(
    served: Served, listening: Settings
) -> None:
    session = await a_session(served, listening)
    command = session.asks(QueueAutomaticMessage, content=MENU)
    await session.sends(command, command)
    await session.sends(command)
    first, *others = await replies(listening, 3)
    assert others == [first, first]
    assert len(await served.until_told("MessageQueued", 1)) == 1


@pytest.mark.parametrize("place", [BEFORE_REPLY, AFTER_APPEND])
async def test_a_crash_between_the_append_and_the_offset_loses_no_reply(
    listening: Settings, place: str
) -> None:
    """Before the reply left, or after it: it comes, at least once, always the same."""
    async with serve(listening) as served:
        await served.until_ready()
        session = await a_session(served, listening)
        failpoints.arm(f"{place}:raise")
        command = session.asks(QueueAutomaticMessage, content=MENU)
        end = session.asks(HandOff, reason="node")
        await session.sends(command, end)
        count = 2 if place == BEFORE_REPLY else 3
        found = await replies(listening, count)
        assert len(await served.until_told("MessageQueued", 1)) == 1
    said = [one for one in found if one.message_id is not None]
    assert said == [said[0]] * (count - 1)
    assert [one.outcome for one in found] == ["done"] * count
    assert await _parked(listening) == []


async def test_a_process_that_takes_over_replies_what_the_killed_one_stored(
    listening: Settings,
) -> None:
    """It dies between append and reply; its offset was never committed."""
    async with serve(listening) as served:
        await served.until_ready()
        session = await a_session(served, listening)
    killed = await _tickets(listening, FAILPOINT=f"{BEFORE_REPLY}:kill")
    await session.sends(session.asks(QueueAutomaticMessage, content=MENU))
    async with asyncio.timeout(60):
        assert await killed.wait() == -signal.SIGKILL
    assert await messages_of(listening, REPLIES) == []
    async with serve(listening) as served:
        await served.until_ready()
        (reply,) = await replies(listening, 1)
        (queued,) = await served.until_told("MessageQueued", 1)
    assert (reply.outcome, str(reply.message_id)) == ("done", queued["message_id"])


async def _tickets(settings: Settings, **more: str) -> Process:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_PREFIX": settings.kafka_prefix,
        "GUICHE_KEYS_DIR": str(settings.keys_dir),
        "TICKETS_DATABASE_URL": settings.database_url,
        "TICKETS_INSTANCE": settings.instance,
        **more,
    }
    module = "tests.tickets.adapters.tickets_process"
    return await create_subprocess_exec(sys.executable, "-m", module, env=environment)


async def test_what_can_never_be_read_is_parked_and_other_contacts_go_on(
    served: Served, listening: Settings
) -> None:
    session = await a_session(served, listening)
    envelope = Envelope(
        id="bad", type=KeepSession.TYPE, source="tests", time=datetime.now(UTC), account=ACCOUNT
    )
    await session.sends(Outgoing(COMMANDS, b"bad", envelope, b"{}"), session.asks(KeepSession))
    (reply,) = await replies(listening, 1)
    assert reply.outcome == "done"
    async with asyncio.timeout(20):
        while await _parked(listening) != [(COMMANDS, "unreadable")]:  # noqa: ASYNC110  SQL
            await asyncio.sleep(0.05)


async def test_a_ticket_whose_bot_is_silent_is_handed_over_by_one_of_two_processes(
    listening: Settings,
) -> None:
    quick = {"bot_silence_seconds": 0.5, "timers_poll_seconds": 0.1}
    first = listening.model_copy(update=quick)
    second = first.model_copy(update={"instance": "tickets-2"})
    async with serve(first) as one, serve(second) as two:
        await one.until_ready()
        await two.until_ready()
        phones = [f"55119000{number:05}" for number in range(12)]
        await customers_write(listening, *(a_text(phone, "oi") for phone in phones))
        queued = await one.until_told("TicketQueued", len(phones))
        ended = await one.until_told("FlowSessionEnded", len(phones))
    assert len(queued) == len({one["ticket_id"] for one in queued}) == len(phones)
    assert {one["reason"] for one in (*queued, *ended)} == {"bot_silent"}
    assert len(ended) == len(phones)
    async with await psycopg.AsyncConnection.connect(listening.database_url) as conn:
        assert await (await conn.execute("SELECT * FROM timer")).fetchall() == []


async def _parked(settings: Settings) -> list[tuple[str, str]]:
    async with await psycopg.AsyncConnection.connect(settings.database_url) as conn:
        found = await conn.execute("SELECT topic, reason FROM parked")
        return list(await found.fetchall())
