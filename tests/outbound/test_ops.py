"""What an operator sees of sends whose fate nobody knows, and how one is settled."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from typer.testing import CliRunner, Result

import services.__main__ as guiche
from services.outbound.domain.media import MediaState
from services.outbound.handlers.fetch_media import fetched_later
from services.outbound.ops import app
from shared.contracts.inbound import Status, StatusDelivered
from shared.contracts.outbound import (
    MessageAccepted,
    MessageDelivered,
    MessageFailed,
    MessageOutcomeUnknown,
    SendMessage,
)
from shared.plumbing import clock
from tests.outbound.meta import Meta
from tests.outbound.running import Outbound
from tests.outbound.samples import PHONE, a_fetch, a_send, a_status

Verb = Callable[..., Result]


@pytest.fixture
def verb(outbound: Outbound, monkeypatch: pytest.MonkeyPatch) -> Verb:
    monkeypatch.setenv("OUTBOUND_DATABASE_URL", str(outbound.pool.conninfo))

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(each) for each in arguments])

    return invoke


@pytest.fixture
async def lost(outbound: Outbound, whatsapp: tuple[Meta, list[Status]]) -> SendMessage:
    """A message whose answer was cut."""
    simulator, _ = whatsapp
    await simulator.customers_write(2)
    await simulator.fault("cut_after_accept", next=1)
    command = a_send(0, text="segredo", at=clock.now())
    await outbound.queue(command)
    await outbound.until("unknown")
    return command


async def test_unknown_sends_are_listed_with_what_their_attempt_says(
    outbound: Outbound, lost: SendMessage, verb: Verb
) -> None:
    await outbound.queue(a_send(1, at=clock.now()))
    await outbound.until("unknown", "accepted")
    done = await asyncio.to_thread(verb, "unknown", "list")
    assert done.exit_code == 0, done.output
    (line,) = done.output.splitlines()
    assert line.startswith(f"{lost.message_id}  ticket {lost.ticket_id}")
    assert "cut  attempt 1" in line
    assert "segredo" not in line
    assert PHONE not in line
    done = await asyncio.to_thread(verb, "unknown", "list", "--json")
    (told,) = json.loads(done.output)
    assert (told["message_id"], told["reason"]) == (str(lost.message_id), "cut")


async def test_a_ruling_shows_the_evidence_tells_that_it_failed_and_keeps_the_reason(
    outbound: Outbound, whatsapp: tuple[Meta, list[Status]], lost: SendMessage, verb: Verb
) -> None:
    arguments = ("unknown", "resolve", lost.message_id, "--reason", "agent wrote again", "--yes")
    done = await asyncio.to_thread(verb, *arguments)
    assert done.exit_code == 0, done.output
    assert f"{lost.message_id}  unknown" in done.output
    assert "attempt 1 began" in done.output
    told = await outbound.facts()
    assert [type(fact) for fact in told] == [MessageOutcomeUnknown, MessageFailed]
    assert isinstance(told[-1], MessageFailed)
    assert told[-1].reason == "given_up"
    assert await outbound.rows("SELECT reason FROM ruling") == [("agent wrote again",)]
    again = await asyncio.to_thread(verb, *arguments)
    assert again.exit_code == 1
    assert "its fate is known: refused" in again.output
    assert len(await whatsapp[0].requests()) == 1
    await outbound.hear(a_status(StatusDelivered, lost.message_id, "wamid.X"))
    proven = [type(fact) for fact in await outbound.facts()][2:]
    assert proven == [MessageAccepted, MessageDelivered]


async def test_without_a_yes_nothing_is_ruled(
    outbound: Outbound, lost: SendMessage, verb: Verb
) -> None:
    done = await asyncio.to_thread(verb, "unknown", "resolve", lost.message_id, "--reason", "x")
    assert done.exit_code == 1
    assert set((await outbound.states()).values()) == {"unknown"}


async def test_the_outbox_is_counted_with_the_age_of_its_oldest(
    outbound: Outbound, lost: SendMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await outbound.states() == {lost.message_id: "unknown"}
    monkeypatch.setenv("OUTBOUND_DATABASE_URL", str(outbound.pool.conninfo))
    for other in ("TICKETS", "DIRECTORY", "PROJECTIONS", "BOT"):
        monkeypatch.delenv(f"{other}_DATABASE_URL", raising=False)
    done = await asyncio.to_thread(CliRunner().invoke, guiche.outbox, ["status"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("outbound: 1 rows, oldest ")
    done = await asyncio.to_thread(CliRunner().invoke, guiche.outbox, ["status", "--json"])
    (told,) = json.loads(done.output)
    assert (told["service"], told["rows"]) == ("outbound", 1)


async def test_a_file_that_was_given_up_is_listed_and_tried_again(
    outbound: Outbound, verb: Verb
) -> None:
    command = a_fetch()
    row = replace(
        fetched_later(command, b"contact", None), state=MediaState.UNAVAILABLE, reason="expired"
    )
    async with outbound.store.begin() as work:
        await work.insert_media([row])
    listed = await asyncio.to_thread(verb, "media", "list")
    assert f"{row.id}  unavailable  message {command.message_id}" in listed.output
    assert "0 attempts, expired, given up" in listed.output
    assert (await asyncio.to_thread(verb, "media", "retry", row.id)).exit_code == 0
    async with outbound.store.begin() as work:
        found = await work.media(row.account_id, row.id)
    assert found is not None
    assert found.state is MediaState.PENDING
    nobody = await asyncio.to_thread(verb, "media", "retry", command.message_id)
    assert (nobody.exit_code, "no customer's file" in nobody.stderr) == (1, True)
