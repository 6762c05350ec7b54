"""Each kind of item becomes its own contract; what cannot be read is kept."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import JsonValue

import shared.contracts
from services.ingest.domain.normalise.item import to_item
from services.ingest.domain.normalise.origin import Place
from services.ingest.domain.splitting import Kind, Piece, split
from shared.contracts import inbound
from shared.contracts.content import ProviderError
from shared.contracts.inbound import INBOUND_TYPES, InboundMessage, Item, Status
from tests.ingest.samples import (
    AT,
    MARIA,
    MESSAGES,
    NOW,
    PLACE,
    STATUSES,
    a_body,
    a_message,
    a_piece,
    a_status,
    a_value,
)

EXAMPLES = Path(shared.contracts.__file__).with_name("examples")


def normalised(message: dict[str, Any], contacts: object = None) -> InboundMessage:
    item = to_item(a_piece(message, contacts=contacts), PLACE)
    assert isinstance(item, InboundMessage)
    return item


def normalised_status(status: dict[str, Any]) -> Status:
    item = to_item(a_piece(status, "statuses"), PLACE)
    assert isinstance(item, Status)
    return item


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_becomes_its_contract(name: str) -> None:
    parts, contract, fields = MESSAGES[name]
    message = {"from": MARIA, "id": "wamid.A1", "timestamp": "1795694400", **parts}
    item = normalised(message)
    assert type(item) is contract
    assert {field: getattr(item, field) for field in fields} == fields
    assert (item.wamid, item.sender.phone) == ("wamid.A1", MARIA)
    assert json.loads(item.raw) == message
    assert contract.read(item.body()) == item


@pytest.mark.parametrize("name", STATUSES)
def test_a_status_becomes_its_contract(name: str) -> None:
    parts, contract, fields = STATUSES[name]
    item = normalised_status(a_status(**parts))
    assert type(item) is contract
    assert {field: getattr(item, field) for field in fields} == fields
    assert contract.read(item.body()) == item


def test_every_contract_of_the_topic_has_a_sample() -> None:
    shown = {contract for _, contract, _ in [*MESSAGES.values(), *STATUSES.values()]}
    assert shown | {inbound.Unsupported} == set(INBOUND_TYPES.values())


@pytest.mark.parametrize("name", sorted(INBOUND_TYPES))
def test_the_golden_example_is_what_its_raw_json_becomes(name: str) -> None:
    example = INBOUND_TYPES[name].read((EXAMPLES / f"{name}.json").read_bytes())
    assert isinstance(example, Item)
    place = Place(
        account_id=example.account_id,
        connection_id=example.connection_id,
        phone_number_id=example.phone_number_id,
        body_sha256=example.body_sha256,
        received_at=example.received_at,
    )
    profile = {"name": "Maria Souza", "username": "@maria"}
    piece = Piece(
        kind=cast("Kind", example.index.split("/")[2]),
        index=example.index,
        raw=example.raw,
        value=json.loads(example.raw),
        contacts=cast("JsonValue", [{"wa_id": MARIA, "profile": profile}]),
        field="account_alerts",
    )
    assert to_item(piece, place) == example


def test_an_item_says_whose_it_is_and_where_it_stood() -> None:
    item = normalised(a_message())
    assert (item.account_id, item.connection_id) == (PLACE.account_id, PLACE.connection_id)
    assert (item.index, item.body_sha256) == ("0/0/messages/0", PLACE.body_sha256)
    assert (item.received_at, item.occurred_at) == (NOW, AT)


def test_a_reply_names_what_it_replies_to() -> None:
    item = normalised(a_message(context={"from": "551130001000", "id": "wamid.B1"}))
    assert item.context == inbound.Reference(wamid="wamid.B1")


def test_a_message_forwarded_often_is_forwarded_too() -> None:
    item = normalised(a_message(context={"frequently_forwarded": True}))
    assert item.context == inbound.Reference(forwarded=True, frequently_forwarded=True)


def test_a_question_about_a_product_names_it() -> None:
    product = {"catalog_id": "c", "product_retailer_id": "sku"}
    item = normalised(a_message(context={"referred_product": product}))
    assert item.context == inbound.Reference(catalog_id="c", product_id="sku")


def test_a_referral_is_kept() -> None:
    item = normalised(a_message(referral={"source_type": "ad", "ctwa_clid": "x", "new": 1}))
    assert item.referral == inbound.Referral(source_type="ad", ctwa_clid="x")


@pytest.mark.parametrize("odd", [None, "x", 1, [], {}])
def test_an_odd_context_or_referral_does_not_hide_the_text(odd: object) -> None:
    item = normalised(a_message(context=odd, referral=odd))
    assert isinstance(item, inbound.TextReceived)
    assert (item.context, item.referral) == (None, None)


def test_a_group_message_names_its_group() -> None:
    assert normalised(a_message(group_id="g1")).group_id == "g1"


def test_the_profile_comes_from_the_contact_with_the_same_number() -> None:
    contacts = [
        {"wa_id": "5511900000000", "profile": {"name": "Outro"}},
        {"wa_id": MARIA, "user_id": "BR.1", "profile": {"name": "Maria", "username": "@m"}},
    ]
    assert normalised(a_message(), contacts).sender == inbound.Sender(
        phone=MARIA, user_id="BR.1", username="@m", name="Maria"
    )


def test_the_profile_of_somebody_else_is_not_taken() -> None:
    contacts = [{"wa_id": "5511900000000", "profile": {"name": "Outro"}}]
    assert normalised(a_message(), contacts).sender == inbound.Sender(phone=MARIA)


def test_a_customer_may_have_no_phone() -> None:
    message = {"from_user_id": "BR.77", "id": "w", "timestamp": "1795694400", "type": "text"}
    item = normalised({**message, "text": {"body": "oi"}})
    assert item.sender == inbound.Sender(user_id="BR.77")


def test_a_user_id_in_the_phone_s_place_is_a_user_id() -> None:
    assert normalised(a_message(sender="BR.77")).sender == inbound.Sender(user_id="BR.77")


def test_a_user_id_under_the_contacts_name_is_taken() -> None:
    assert normalised(a_message(user_id="BR.77")).sender.user_id == "BR.77"


def test_a_change_without_phone_is_told_by_the_previous_user_id() -> None:
    system = {"type": "user_changed_user_id", "user_id": "BR.2", "previous_user_id": "BR.1"}
    message = {"id": "w", "timestamp": "1795694400", "type": "system", "system": system}
    item = normalised(message)
    assert isinstance(item, inbound.IdentityChanged)
    assert (item.sender.user_id, item.new_user_id) == ("BR.1", "BR.2")


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (None, "message"),
        ("x", "message"),
        ([], "message"),
        ({"from": MARIA, "type": "text", "text": {"body": "oi"}}, "id"),
        ({"id": "w", "type": "text", "text": {"body": "oi"}}, "from"),
        (a_message(type="request_welcome"), "request_welcome"),
    ],
)
def test_a_message_that_is_nobody_s_is_unsupported(message: object, problem: str) -> None:
    item = to_item(a_piece(message), PLACE)
    assert isinstance(item, inbound.Unsupported)
    assert item.problem == problem
    assert json.loads(item.raw) == message


def test_a_status_without_message_is_unsupported() -> None:
    item = to_item(a_piece({"status": "sent"}, "statuses"), PLACE)
    assert isinstance(item, inbound.Unsupported)


def test_errors_of_the_number_are_unsupported() -> None:
    (piece,) = split(a_body(a_value(errors=[{"code": 130429}])))
    item = to_item(piece, PLACE)
    assert isinstance(item, inbound.Unsupported)
    assert (item.field, item.problem) == ("messages", "errors")


@pytest.mark.parametrize("text", ["a\x00b", "\ud83d", "\udc00\x00", "x\ud800"])
def test_nul_and_lone_surrogates_are_replaced_in_texts_and_kept_in_the_raw_json(text: str) -> None:
    message = a_message(text={"body": text})
    item = normalised(message)
    assert isinstance(item, inbound.TextReceived)
    read: Item = inbound.TextReceived.read(item.body())
    assert read == item
    assert "\N{REPLACEMENT CHARACTER}" in item.text
    assert "\x00" not in item.text
    assert json.loads(item.raw) == message


def test_what_is_nested_too_deep_is_kept_raw() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    (piece, good) = split(a_body(a_value(messages=[a_message(text=deep), a_message()])))
    item = to_item(piece, PLACE)
    assert isinstance(item, inbound.Unsupported)
    assert item.problem == "nesting"
    assert isinstance(to_item(good, PLACE), inbound.TextReceived)


def test_a_code_that_is_no_number_keeps_its_words() -> None:
    item = normalised_status(a_status(status="failed", errors=[{"code": "x", "title": "t"}, 3]))
    assert isinstance(item, inbound.StatusFailed)
    assert item.errors == [ProviderError(code=0, title="t")]
