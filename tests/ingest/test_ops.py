"""An operator sees what belongs to nobody."""

import asyncio
import json

import pytest
import uuid_utils.compat as uuid_utils
from typer.testing import CliRunner

from services.ingest.handlers.accept import Accept
from services.ingest.ops import app
from services.ingest.settings import Settings
from tests.ingest.fakes import FakeDirectory, FakeKafka
from tests.ingest.samples import NOW, a_body, a_message, a_value, signed
from tests.ingest.test_on_kafka import Kafka
from tests.wire.support import create_topics, publish


async def dead_items(settings: Settings) -> None:
    kafka = FakeKafka()
    accept = Accept(FakeDirectory(), kafka, now=lambda: NOW, new_id=uuid_utils.uuid7)
    for body in (a_body(a_value("999", messages=[a_message("wamid.x")])), b"{oops"):
        await accept(body, [signed(body)])
    await create_topics(settings, "ingest.dead")
    await publish(settings, kafka.messages)


def test_dead_items_are_listed_and_shown(
    kafka: Kafka, kafka_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap)
    monkeypatch.setenv("KAFKA_PREFIX", kafka_prefix)
    asyncio.run(dead_items(Settings()))
    listed = CliRunner().invoke(app, ["dead", "list"])
    assert listed.exit_code == 0
    reasons = {line.split()[3]: line.split()[0] for line in listed.stdout.splitlines()}
    assert set(reasons) == {"unknown_number", "unreadable_body"}
    told = json.loads(CliRunner().invoke(app, ["dead", "list", "--json"]).stdout)
    assert {each["reason"]: each["place"] for each in told} == reasons
    shown = CliRunner().invoke(app, ["dead", "show", reasons["unknown_number"]])
    assert '"id":"wamid.x"' in shown.stdout
    assert CliRunner().invoke(app, ["dead", "show", "0-999999"]).exit_code == 1
    assert CliRunner().invoke(app, ["dead", "show", "nowhere"]).exit_code == 2
