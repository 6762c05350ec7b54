"""Every item of a webhook is found, with its place and its raw JSON."""

import json

import pytest

from services.ingest.domain.splitting import UnreadableBodyError, split
from tests.ingest.samples import NUMBER, WABA, a_body, a_message, a_status, a_value, to_body


def test_many_entries_changes_and_items_are_all_found() -> None:
    value = a_value(
        messages=[a_message("wamid.1"), a_message("wamid.2")],
        statuses=[a_status("wamid.3")],
        errors=[{"code": 130429}],
    )
    change = {"field": "messages", "value": value}
    entries = [{"id": WABA, "changes": [change, change]}, {"id": WABA, "changes": [change]}]
    kinds = ["messages/0", "messages/1", "statuses/0", "errors/0"]
    assert [piece.index for piece in split(to_body(entries))] == [
        f"{place}/{kind}" for place in ("0/0", "0/1", "1/0") for kind in kinds
    ]


def test_a_piece_knows_its_number_and_its_account_at_meta() -> None:
    (piece,) = split(a_body(a_value(messages=[a_message()])))
    assert (piece.phone_number_id, piece.waba_id, piece.field) == (NUMBER, WABA, "messages")


def test_the_raw_json_is_what_meta_wrote() -> None:
    message = a_message(text={"body": "Olá 👋 \x00"})
    (piece,) = split(a_body(a_value(messages=[message])))
    assert json.loads(piece.raw) == message
    assert piece.raw.isascii()
    assert "\x00" not in piece.raw


@pytest.mark.parametrize("field", ["account_alerts", "history", "calls", "of_tomorrow"])
def test_another_field_is_one_item(field: str) -> None:
    (piece,) = split(a_body({"messages": [a_message(), a_message()]}, field=field))
    assert (piece.kind, piece.field, piece.index) == ("change", field, "0/0/change/0")


def test_a_field_beside_the_changes_is_found() -> None:
    (piece,) = split(to_body([{"id": WABA, "field": "account_update", "changes": [{"value": {}}]}]))
    assert (piece.kind, piece.field) == ("change", "account_update")


def test_what_meta_adds_beside_the_messages_is_kept() -> None:
    pieces = split(a_body(a_value(messages=[a_message()], telepathy=[{"id": "t"}])))
    assert [piece.index for piece in pieces] == ["0/0/messages/0", "0/0/value/0"]
    assert json.loads(pieces[1].raw) == {"telepathy": [{"id": "t"}]}


@pytest.mark.parametrize("bad", [None, 1, "x", [], {"no": "changes"}, {"changes": "x"}])
def test_a_bad_entry_does_not_fail_its_neighbour(bad: object) -> None:
    good = {
        "id": WABA,
        "changes": [{"field": "messages", "value": a_value(messages=[a_message()])}],
    }
    assert [piece.kind for piece in split(to_body([bad, good]))] == ["entry", "messages"]


@pytest.mark.parametrize("bad", [None, 1, "x", [], {}, {"value": 3}, {"field": "messages"}])
def test_a_bad_change_does_not_fail_its_neighbour(bad: object) -> None:
    good = {"field": "messages", "value": a_value(messages=[a_message()])}
    pieces = split(to_body([{"id": WABA, "changes": [bad, good]}]))
    assert [piece.kind for piece in pieces] == ["change", "messages"]


def test_items_that_are_no_list_are_one_item() -> None:
    pieces = split(a_body(a_value(messages={"id": "x"}, statuses=[a_status()])))
    assert [piece.index for piece in pieces] == ["0/0/messages/0", "0/0/statuses/0"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"1",
        b"null",
        b'{"entry":1}',
        b'{"entry":[NaN]}',
        b'{"object":"x"}',
        b"[" * 100_000,
        b'{"entry":[' + b"9" * 10_000,
    ],
)
def test_what_is_no_webhook_is_told(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError):
        split(body)


def test_numbers_that_no_reader_holds_stay_as_they_were_written() -> None:
    (piece,) = split(
        b'{"entry":[{"changes":[{"field":"x","value":[1e999,' + b"9" * 5000 + b"]}]}]}"
    )
    assert json.loads(piece.raw)["value"] == ["1e999", "9" * 5000]


def test_no_entries_are_no_items() -> None:
    assert split(to_body([])) == []
