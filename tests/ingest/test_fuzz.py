"""Whatever is signed, nothing raises, every item is accounted for, and all of it can be stored."""

import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.normalise.item import to_item
from services.ingest.domain.splitting import UnreadableBodyError, split
from shared.contracts.inbound import INBOUND_TYPES
from tests.ingest.samples import MESSAGES, NUMBER, PLACE, STATUSES, a_message, a_status

TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)  # surrogates and NUL too
KEYS = st.sampled_from(
    [
        *("id", "from", "from_user_id", "timestamp", "context", "referral", "group_id", "errors"),
        *sorted({key for parts, _, _ in [*MESSAGES.values(), *STATUSES.values()] for key in parts}),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    KEYS,
)
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.one_of(KEYS, TEXTS), inner, max_size=6)
    ),
    max_leaves=20,
)


def odd(whole: dict[str, Any], parts: dict[str, Any], key: str, value: Any) -> Any:  # noqa: ANN401  any JSON
    return {**whole, **parts, key: value}


ODD_MESSAGES = st.builds(
    odd,
    st.just(a_message()),
    st.sampled_from([parts for parts, _, _ in MESSAGES.values()]),
    KEYS,
    JSON,
)
ODD_STATUSES = st.builds(
    odd,
    st.just(a_status()),
    st.sampled_from([parts for parts, _, _ in STATUSES.values()]),
    st.one_of(KEYS, st.sampled_from(["status", "recipient_id", "pricing", "recipient_type"])),
    JSON,
)


def stored(body: bytes) -> int:
    """How many items came of it; each can be written, read again and put into PostgreSQL."""
    pieces = split(body)
    assert len({piece.index for piece in pieces}) == len(pieces)
    for piece in pieces:
        item = to_item(piece, PLACE)
        written = item.body()
        assert INBOUND_TYPES[item.TYPE].read(written) == item
        assert b"\\u0000" not in written.replace(b"\\\\u0000", b"")
        assert json.loads(item.raw) == piece.value
    return len(pieces)


def has_list(value: Any, key: str) -> bool:  # noqa: ANN401  any JSON
    return isinstance(value, dict) and isinstance(cast("dict[str, Any]", value).get(key), list)


@given(JSON)
def test_any_json_is_split_or_told_to_be_no_webhook(value: Any) -> None:  # noqa: ANN401  any JSON
    try:
        stored(json.dumps(value).encode())
    except UnreadableBodyError:
        assert not has_list(value, "entry")


@given(st.lists(JSON, max_size=4))
def test_any_entries_are_accounted_for(entries: list[Any]) -> None:
    assert stored(json.dumps({"entry": entries}).encode()) >= sum(
        not has_list(entry, "changes") for entry in entries
    )


@given(
    st.lists(st.one_of(JSON, ODD_MESSAGES), max_size=3),
    st.lists(st.one_of(JSON, ODD_STATUSES), max_size=3),
    st.one_of(st.none(), JSON),
)
def test_each_message_and_each_status_gives_exactly_one_item(
    messages: list[Any], statuses: list[Any], contacts: object
) -> None:
    value = {
        "metadata": {"phone_number_id": NUMBER},
        "contacts": contacts,
        "messages": messages,
        "statuses": statuses,
    }
    entries = [{"id": "1", "changes": [{"field": "messages", "value": value}]}]
    body = json.dumps({"entry": entries}).encode()
    assert stored(body) == max(len(messages) + len(statuses), 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_told_to_be_no_webhook(body: bytes) -> None:
    try:
        stored(body)
    except UnreadableBodyError:
        return
