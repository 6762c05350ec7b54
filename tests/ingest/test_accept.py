"""A webhook is taken whole or not at all; what is nobody's is kept apart."""

import json
from typing import Any

import pytest
import uuid_utils.compat as uuid_utils

from services.ingest.domain.signature import App
from services.ingest.domain.splitting import body_hash
from services.ingest.handlers.accept import (
    AFTER_PRODUCE,
    AFTER_SIGNATURE,
    Accept,
    InvalidSignatureError,
)
from services.ingest.handlers.outgoing import packed, unpacked
from services.ingest.handlers.ports import NotAcknowledgedError
from shared.contracts.inbound import DeadItem, TextReceived, Unsupported
from shared.plumbing import failpoints
from shared.plumbing.kafka.messages import LARGEST_MESSAGE_BYTES
from shared.plumbing.secrets_client import SecretMissingError
from tests.ingest.fakes import FakeDirectory, FakeKafka
from tests.ingest.samples import (
    ACCOUNT,
    APP,
    CONNECTION,
    NOW,
    NUMBER,
    OTHER_ACCOUNT,
    OTHER_NUMBER,
    OTHER_WABA,
    WABA,
    a_body,
    a_message,
    a_value,
    signed,
    to_body,
)

INBOUND, DEAD = "inbound.events", "ingest.dead"


@pytest.fixture
def kafka() -> FakeKafka:
    return FakeKafka()


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory()


@pytest.fixture
def accept(kafka: FakeKafka, directory: FakeDirectory) -> Accept:
    return Accept(directory, kafka, now=lambda: NOW, new_id=uuid_utils.uuid7)


def of(items: list[Any], kind: type[Any]) -> list[Any]:
    assert all(isinstance(item, kind) for item in items)
    return items


async def test_every_item_is_published_under_its_type(accept: Accept, kafka: FakeKafka) -> None:
    body = a_body(a_value(messages=[a_message("wamid.1"), a_message("wamid.2")]))
    assert await accept(body, [signed(body)]) == 2
    items = of(kafka.on(INBOUND), TextReceived)
    assert [item.wamid for item in items] == ["wamid.1", "wamid.2"]
    assert {item.body_sha256 for item in items} == {body_hash(body)}
    envelope = kafka.messages[0].envelope
    assert (envelope.type, envelope.account) == ("inbound.TextReceived.v1", ACCOUNT)
    assert (envelope.subject, envelope.time) == (str(CONNECTION), NOW)
    assert len({message.envelope.id for message in kafka.messages}) == 2
    assert len({message.key for message in kafka.messages}) == 1


async def test_nothing_is_read_before_the_signature_is_right(
    accept: Accept, kafka: FakeKafka
) -> None:
    for body in (b"not even JSON", a_body(a_value(messages=[a_message()]))):
        with pytest.raises(InvalidSignatureError):
            await accept(body, [signed(body, b"guess")])
    assert kafka.messages == []


async def test_nothing_is_promised_without_acknowledgment(accept: Accept, kafka: FakeKafka) -> None:
    kafka.away = True
    body = a_body(a_value(messages=[a_message()]))
    with pytest.raises(NotAcknowledgedError):
        await accept(body, [signed(body)])


async def test_a_number_that_nobody_owns_is_kept_apart_and_its_neighbours_go_on(
    accept: Accept, kafka: FakeKafka
) -> None:
    stranger = a_value("999", messages=[a_message("wamid.x")])
    body = a_body(stranger, a_value(messages=[a_message("wamid.1")]))
    await accept(body, [signed(body)])
    assert [item.wamid for item in of(kafka.on(INBOUND), TextReceived)] == ["wamid.1"]
    (dead,) = of(kafka.on(DEAD), DeadItem)
    assert (dead.reason, dead.phone_number_id) == ("unknown_number", "999")
    assert json.loads(dead.raw) == a_message("wamid.x")


async def test_an_app_does_not_speak_for_another_account_s_number(
    accept: Accept, kafka: FakeKafka
) -> None:
    body = a_body(a_value(OTHER_NUMBER, messages=[a_message()]), waba=WABA)
    await accept(body, [signed(body)])
    (dead,) = of(kafka.on(DEAD), DeadItem)
    assert (dead.reason, dead.phone_number_id) == ("foreign_number", OTHER_NUMBER)
    assert kafka.on(INBOUND) == []


async def test_an_app_does_not_speak_for_another_account_at_meta(
    accept: Accept, kafka: FakeKafka, directory: FakeDirectory
) -> None:
    directory.apps = [App("app", ACCOUNT, APP.secrets, frozenset({OTHER_WABA}))]
    body = a_body(a_value(messages=[a_message()]))
    await accept(body, [signed(body)])
    assert [dead.reason for dead in of(kafka.on(DEAD), DeadItem)] == ["foreign_number"]


async def test_an_account_does_not_take_another_s_number_by_naming_its_account_at_meta(
    accept: Accept, kafka: FakeKafka, directory: FakeDirectory
) -> None:
    directory.apps = [App("app", OTHER_ACCOUNT, APP.secrets, frozenset({WABA}))]
    body = a_body(a_value(messages=[a_message()]))
    await accept(body, [signed(body)])
    assert [dead.reason for dead in of(kafka.on(DEAD), DeadItem)] == ["foreign_number"]


@pytest.mark.parametrize("body", [b"{oops", b"[]", b"\xff\x00"])
async def test_a_signed_body_that_is_no_webhook_is_kept(
    accept: Accept, kafka: FakeKafka, body: bytes
) -> None:
    assert await accept(body, [signed(body)]) == 1
    (dead,) = of(kafka.on(DEAD), DeadItem)
    assert (dead.reason, dead.body_sha256) == ("unreadable_body", body_hash(body))


async def test_news_about_the_account_at_meta_go_to_one_of_its_connections(
    accept: Accept, kafka: FakeKafka
) -> None:
    body = a_body({"entity_type": "WABA"}, field="account_alerts")
    await accept(body, [signed(body)])
    (item,) = of(kafka.on(INBOUND), Unsupported)
    assert (item.field, item.phone_number_id, item.problem) == ("account_alerts", NUMBER, None)


async def test_an_item_too_large_for_a_topic_is_kept_packed(
    accept: Accept, kafka: FakeKafka
) -> None:
    value = a_value(history=['"' * 2_500_000])
    body = a_body(value, a_value(messages=[a_message()]), field="history")
    await accept(body, [signed(body)])
    (dead,) = of(kafka.on(DEAD), DeadItem)
    assert dead.reason == "too_large"
    assert json.loads(unpacked(dead.raw)) == {"field": "history", "value": value}
    assert all(len(message.body) < LARGEST_MESSAGE_BYTES for message in kafka.messages)
    assert len(kafka.on(INBOUND)) == 1


def test_what_was_packed_is_unpacked_and_the_rest_is_as_it_is() -> None:
    assert unpacked(packed('{"a":"ã"}')) == '{"a":"ã"}'
    assert unpacked('{"a":1}') == '{"a":1}'


async def test_an_account_newer_than_the_secrets_waits(
    accept: Accept, kafka: FakeKafka, directory: FakeDirectory
) -> None:
    directory.peppers.clear()
    body = a_body(a_value(messages=[a_message()]))
    with pytest.raises(SecretMissingError):
        await accept(body, [signed(body)])
    assert kafka.messages == []


async def test_a_webhook_without_items_is_taken(accept: Accept, kafka: FakeKafka) -> None:
    body = to_body([])
    assert await accept(body, [signed(body)]) == 0
    assert kafka.messages == []


async def test_the_places_where_a_test_may_kill_stand_around_the_produce(
    accept: Accept, kafka: FakeKafka
) -> None:
    body = a_body(a_value(messages=[a_message()]))
    try:
        failpoints.arm(f"{AFTER_SIGNATURE}:raise")
        with pytest.raises(failpoints.FailpointError):
            await accept(body, [signed(body)])
        assert kafka.messages == []
        failpoints.arm(f"{AFTER_PRODUCE}:raise")
        with pytest.raises(failpoints.FailpointError):
            await accept(body, [signed(body)])
        assert len(kafka.messages) == 1
    finally:
        failpoints.arm("")
