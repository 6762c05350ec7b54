"""Every field of an inbound message is told on tickets.events, or stands here with the reason."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

import shared.contracts
from services.tickets.adapters.published import to_fact
from shared.contracts.inbound import SAYINGS, InboundMessage
from tests.tickets.handlers.office import ACCOUNT, CONNECTION, Office

EXAMPLES = Path(shared.contracts.__file__).with_name("examples")
NOT_CARRIED = {
    "account_id": "a header of every message",
    "phone_number_id": "the connection's",
    "body_sha256": "where it stood at Meta: kept with the stored event",
    "index": "where it stood at Meta: kept with the stored event",
    "received_at": "when ingest took it: kept with the stored event",
    "raw": "Meta's own JSON: kept, sealed, in the stored event",
    "sender.parent_user_id": "an id of Meta's that no person knows",
    "sender.user_id": "of a contact who is known by phone, told when the contact is identified",
    "context.wamid": "as `reply_to`, or `reply_missing` when we do not have it",
    "group_id": "no group is registered yet: its messages are not taken",
    "wamid": "as its HMAC, by which statuses are joined",
}
ABOUT: dict[str, JsonValue] = {
    "wamid": "wamid.unheard",
    "forwarded": False,
    "frequently_forwarded": True,
    "catalog_id": "catalogue-77",
    "product_id": "sku-4711",
}


def leaves(value: JsonValue, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of each value that can be told from others."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    elif value is not None and not isinstance(value, bool):
        yield path, str(value)


@pytest.mark.parametrize("kind", SAYINGS, ids=lambda kind: kind.__name__)
async def test_what_a_customer_said_is_told_whole(
    office: Office, kind: type[InboundMessage]
) -> None:
    example = json.loads((EXAMPLES / f"{kind.TYPE}.json").read_bytes())
    example |= {"connection_id": str(CONNECTION), "account_id": str(ACCOUNT), "group_id": None}
    example["context"] = ABOUT
    await office.hears(kind.model_validate(example))
    told = [json.loads(to_fact(stored, 1).body) for stored in await office.log()]
    said = {text for fact in told for _, text in leaves(fact)}
    lost = [path for path, text in leaves(example) if path not in NOT_CARRIED and text not in said]
    assert lost == []
    (message,) = [fact for fact in told if "wamid_hash" in fact]
    assert (message["reply_missing"], message["frequently_forwarded"]) == (True, True)
