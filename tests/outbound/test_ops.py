"""What an operator sees of sends whose fate nobody knows."""

import asyncio

import pytest
from typer.testing import CliRunner

from services.outbound.ops import app
from shared.contracts.inbound import Status
from shared.plumbing import clock
from tests.outbound.meta import Meta
from tests.outbound.running import Outbound
from tests.outbound.samples import PHONE, a_send


async def test_unknown_sends_are_listed_with_what_their_attempt_says(
    outbound: Outbound,
    whatsapp: tuple[Meta, list[Status]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(2)
    await simulator.fault("cut_after_accept", next=1)
    lost = a_send(0, text="segredo", at=clock.now())
    await outbound.queue(lost)
    await outbound.until("unknown")
    await outbound.queue(a_send(1, at=clock.now()))
    await outbound.until("unknown", "accepted")
    monkeypatch.setenv("OUTBOUND_DATABASE_URL", str(outbound.pool.conninfo))
    done = await asyncio.to_thread(CliRunner().invoke, app, ["unknown", "list"])
    assert done.exit_code == 0, done.output
    (line,) = done.output.splitlines()
    assert line.startswith(f"{lost.message_id}  ticket {lost.ticket_id}")
    assert "cut  attempt 1" in line
    assert "segredo" not in line
    assert PHONE not in line
