"""Webhooks as Meta writes them; ids and people are made up."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from pydantic import JsonValue

from services.ingest.domain.normalise.origin import Place
from services.ingest.domain.routing import Connection
from services.ingest.domain.signature import App
from services.ingest.domain.splitting import Kind, Piece, to_raw
from shared.contracts import inbound
from shared.contracts.content import Media, OrderedProduct, ProviderError
from shared.contracts.inbound import Item

ACCOUNT = UUID("01980000-0000-7000-8000-000000000001")
CONNECTION = UUID("01980000-0000-7000-8000-000000000002")
OTHER_ACCOUNT = UUID("01980000-0000-7000-8000-00000000000a")
OTHER_CONNECTION = UUID("01980000-0000-7000-8000-00000000000b")
NUMBER, OTHER_NUMBER, WABA, OTHER_WABA = "100200300", "400500600", "500", "600"
SECRET = b"test_app_secret"
PEPPER = b"p" * 32
MARIA = "5511951234567"
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 26, 12, 0, 1, tzinfo=UTC)
SECONDS = "1795694400"  # AT

APP = App("app", ACCOUNT, (SECRET,), frozenset({WABA}))
OURS = Connection(
    id=CONNECTION,
    account_id=ACCOUNT,
    phone_number_id=NUMBER,
    waba_id=WABA,
    display_phone="551130001000",
)
THEIRS = Connection(
    id=OTHER_CONNECTION,
    account_id=OTHER_ACCOUNT,
    phone_number_id=OTHER_NUMBER,
    waba_id=OTHER_WABA,
    display_phone="551130002000",
)
PLACE = Place(
    account_id=ACCOUNT,
    connection_id=CONNECTION,
    phone_number_id=NUMBER,
    body_sha256="00" * 32,
    received_at=NOW,
)

_FILE = {"id": "901", "mime_type": "image/jpeg", "sha256": "q83v=", "url": "https://x.example/1"}
_MEDIA = Media(id="901", mime_type="image/jpeg", sha256="q83v=", url="https://x.example/1")
_CARD = {"name": {"formatted_name": "João"}, "phones": [{"phone": "+55 11 95123-4568"}]}
_ERROR = {
    "code": 131051,
    "title": "Message type unknown",
    "error_data": {"details": "not supported"},
}
_READ_ERROR = ProviderError(code=131051, title="Message type unknown", details="not supported")

Sample = tuple[dict[str, Any], type[Item], dict[str, object]]  # item, its contract, its fields

MESSAGES: dict[str, Sample] = {
    "text": (
        {"type": "text", "text": {"body": "Olá 👋"}},
        inbound.TextReceived,
        {"text": "Olá 👋"},
    ),
    "image": (
        {"type": "image", "image": {**_FILE, "caption": "rota"}},
        inbound.ImageReceived,
        {"media": _MEDIA, "caption": "rota"},
    ),
    "image without url": (
        {"type": "image", "image": {"id": "901"}},
        inbound.ImageReceived,
        {"media": Media(id="901"), "caption": None},
    ),
    "video": (
        {"type": "video", "video": {**_FILE, "caption": "veja"}},
        inbound.VideoReceived,
        {"media": _MEDIA, "caption": "veja"},
    ),
    "recorded note": (
        {"type": "audio", "audio": {**_FILE, "voice": True}},
        inbound.AudioReceived,
        {"media": _MEDIA, "voice": True},
    ),
    "sound file": (
        {"type": "audio", "audio": _FILE},
        inbound.AudioReceived,
        {"media": _MEDIA, "voice": False},
    ),
    "document": (
        {"type": "document", "document": {**_FILE, "caption": "boleto", "filename": "b.pdf"}},
        inbound.DocumentReceived,
        {"media": _MEDIA, "caption": "boleto", "filename": "b.pdf"},
    ),
    "sticker": (
        {"type": "sticker", "sticker": {**_FILE, "animated": True}},
        inbound.StickerReceived,
        {"media": _MEDIA, "animated": True},
    ),
    "location": (
        {"type": "location", "location": {"latitude": -23.55, "longitude": "-46.63", "name": "Sé"}},
        inbound.LocationReceived,
        {"latitude": -23.55, "longitude": -46.63, "name": "Sé", "address": None, "url": None},
    ),
    "contacts": (
        {"type": "contacts", "contacts": [_CARD]},
        inbound.ContactsReceived,
        {"contacts": [_CARD]},
    ),
    "button": (
        {
            "type": "interactive",
            "interactive": {
                "type": "button_reply",
                "button_reply": {"id": "yes", "title": "Sim"},
            },
        },
        inbound.ButtonReplied,
        {"button_id": "yes", "title": "Sim"},
    ),
    "list": (
        {
            "type": "interactive",
            "interactive": {
                "type": "list_reply",
                "list_reply": {"id": "r1", "title": "Financeiro", "description": "Boletos"},
            },
        },
        inbound.ListReplied,
        {"row_id": "r1", "title": "Financeiro", "description": "Boletos"},
    ),
    "form": (
        {
            "type": "interactive",
            "interactive": {
                "type": "nfm_reply",
                "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"order":"7"}'},
            },
        },
        inbound.FormReplied,
        {
            "name": "flow",
            "text": "Sent",
            "response": {"order": "7"},
            "response_json": '{"order":"7"}',
        },
    ),
    "form that is not JSON": (
        {
            "type": "interactive",
            "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{oops"}},
        },
        inbound.FormReplied,
        {"name": None, "response": None, "response_json": "{oops"},
    ),
    "call permission": (
        {
            "type": "interactive",
            "interactive": {
                "type": "call_permission_reply",
                "call_permission_reply": {
                    "response": "accept",
                    "is_permanent": False,
                    "expiration_timestamp": 1795694400,
                    "response_source": "user_action",
                },
            },
        },
        inbound.CallPermissionReplied,
        {"response": "accept", "permanent": False, "expires_at": AT, "source": "user_action"},
    ),
    "product": (
        {
            "type": "interactive",
            "interactive": {"type": "product", "product": {"product_retailer_id": "sku"}},
        },
        inbound.ProductShared,
        {"product": {"product_retailer_id": "sku"}},
    ),
    "template button": (
        {"type": "button", "button": {"payload": "P1", "text": "Falar"}},
        inbound.TemplateButtonPressed,
        {"payload": "P1", "text": "Falar"},
    ),
    "order": (
        {
            "type": "order",
            "order": {
                "catalog_id": "c1",
                "product_items": [
                    {
                        "product_retailer_id": "sku",
                        "quantity": "2",
                        "item_price": 10.5,
                        "currency": "BRL",
                    }
                ],
            },
        },
        inbound.OrderPlaced,
        {
            "catalog_id": "c1",
            "text": None,
            "items": [
                OrderedProduct(
                    product_retailer_id="sku", quantity=2, item_price=10.5, currency="BRL"
                )
            ],
        },
    ),
    "unsupported": (
        {"type": "unsupported", "unsupported": {"type": "poll_creation"}, "errors": [_ERROR]},
        inbound.UnreadableReceived,
        {"original_type": "poll_creation", "errors": [_READ_ERROR]},
    ),
    "type of tomorrow": (
        {"type": "hologram", "hologram": {"id": "1"}},
        inbound.UnknownReceived,
        {"original_type": "hologram", "problem": "type"},
    ),
    "no type": ({}, inbound.UnknownReceived, {"original_type": None, "problem": "type"}),
    "text without body": (
        {"type": "text"},
        inbound.UnknownReceived,
        {"original_type": "text", "problem": "text"},
    ),
    "interactive without body": (
        {"type": "interactive"},
        inbound.UnknownReceived,
        {"original_type": "interactive", "problem": "interactive"},
    ),
    "interactive of tomorrow": (
        {"type": "interactive", "interactive": {"type": "slider", "slider": {}}},
        inbound.UnknownReceived,
        {"original_type": "interactive", "problem": "interactive/slider"},
    ),
    "instant that is none": (
        {"type": "text", "text": {"body": "oi"}, "timestamp": "soon"},
        inbound.UnknownReceived,
        {"problem": "timestamp", "occurred_at": NOW},
    ),
    "reaction": (
        {"type": "reaction", "reaction": {"message_id": "wamid.B3", "emoji": "👍"}},
        inbound.ReactionChanged,
        {"target_wamid": "wamid.B3", "emoji": "👍"},
    ),
    "reaction taken back": (
        {"type": "reaction", "reaction": {"message_id": "wamid.B3"}},
        inbound.ReactionChanged,
        {"target_wamid": "wamid.B3", "emoji": None},
    ),
    "reaction taken back, older form": (
        {"type": "reaction", "reaction": {"message_id": "wamid.B3", "emoji": ""}},
        inbound.ReactionChanged,
        {"emoji": None},
    ),
    "edit": (
        {
            "type": "edit",
            "edit": {
                "original_message_id": "wamid.A0",
                "message": {"type": "text", "text": {"body": "dois"}},
            },
        },
        inbound.MessageEdited,
        {
            "target_wamid": "wamid.A0",
            "text": "dois",
            "message": {"type": "text", "text": {"body": "dois"}},
        },
    ),
    "edited caption": (
        {
            "type": "edit",
            "edit": {
                "original_message_id": "wamid.A0",
                "message": {"type": "image", "image": {"id": "1", "caption": "nova"}},
            },
        },
        inbound.MessageEdited,
        {"text": "nova"},
    ),
    "revoke": (
        {"type": "revoke", "revoke": {"original_message_id": "wamid.A0"}},
        inbound.MessageRevoked,
        {"target_wamid": "wamid.A0"},
    ),
    "number changed": (
        {
            "type": "system",
            "system": {
                "type": "user_changed_number",
                "body": "changed",
                "wa_id": "5511951239999",
                "user_id": "BR.9a",
                "previous_user_id": "BR.8f21",
            },
        },
        inbound.IdentityChanged,
        {
            "change": "user_changed_number",
            "new_phone": "5511951239999",
            "new_user_id": "BR.9a",
            "previous_user_id": "BR.8f21",
            "text": "changed",
        },
    ),
    "device changed": (
        {
            "type": "system",
            "system": {"type": "customer_identity_changed", "body": "x"},
            "identity": {"hash": "h"},
        },
        inbound.IdentityChanged,
        {"change": "customer_identity_changed", "new_phone": None, "new_user_id": None},
    ),
}

STATUSES: dict[str, Sample] = {
    "sent": (
        {"status": "sent", "conversation": {"id": "c"}, "pricing": {"category": "utility"}},
        inbound.StatusSent,
        {"conversation": {"id": "c"}, "pricing": {"category": "utility"}},
    ),
    "delivered": ({"status": "delivered"}, inbound.StatusDelivered, {"recipient_phone": MARIA}),
    "read": ({"status": "read"}, inbound.StatusRead, {"occurred_at": AT}),
    "played": ({"status": "played"}, inbound.StatusPlayed, {"wamid": "wamid.B1"}),
    "failed": (
        {"status": "failed", "errors": [_ERROR]},
        inbound.StatusFailed,
        {"errors": [_READ_ERROR]},
    ),
    "deleted": ({"status": "deleted"}, inbound.StatusUnknown, {"status": "deleted"}),
    "no word": ({}, inbound.StatusUnknown, {"status": None}),
    "our id": (
        {"status": "sent", "biz_opaque_callback_data": "m1"},
        inbound.StatusSent,
        {"opaque_id": "m1"},
    ),
    "user id": (
        {"status": "read", "recipient_user_id": "BR.8f21"},
        inbound.StatusRead,
        {"recipient_user_id": "BR.8f21"},
    ),
    "user id in the phone's place": (
        {"status": "read", "recipient_id": "BR.8f21"},
        inbound.StatusRead,
        {"recipient_user_id": "BR.8f21", "recipient_phone": None},
    ),
    "group": (
        {
            "status": "read",
            "recipient_id": "g1",
            "recipient_type": "group",
            "recipient_participant_id": MARIA,
        },
        inbound.StatusRead,
        {"group_id": "g1", "recipient_phone": None, "participant_phone": MARIA},
    ),
    "group, older name": (
        {
            "status": "read",
            "recipient_id": "g1",
            "recipient_type": "group",
            "participant_recipient_id": MARIA,
            "recipient_participant_user_id": "BR.1",
        },
        inbound.StatusRead,
        {"participant_phone": MARIA, "participant_user_id": "BR.1"},
    ),
}


def a_message(wamid: str = "wamid.A1", sender: str = MARIA, **parts: object) -> dict[str, Any]:
    text = {} if "type" in parts else {"type": "text", "text": {"body": "oi"}}
    return {"from": sender, "id": wamid, "timestamp": SECONDS, **text, **parts}


def a_status(wamid: str = "wamid.B1", **parts: object) -> dict[str, Any]:
    return {"id": wamid, "timestamp": SECONDS, "recipient_id": MARIA, **parts}


def a_value(number: str = NUMBER, **parts: object) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551130001000", "phone_number_id": number},
        **parts,
    }


def a_body(*values: Mapping[str, Any], waba: str = WABA, field: str = "messages") -> bytes:
    changes = [{"field": field, "value": value} for value in values]
    return to_body([{"id": waba, "changes": changes}])


def to_body(entries: Sequence[Any]) -> bytes:
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def a_piece(value: object, kind: Kind = "messages", contacts: object = None) -> Piece:
    return Piece(
        kind=kind,
        index="0/0/messages/0",
        raw=to_raw(cast("JsonValue", value)),
        value=cast("JsonValue", value),
        contacts=cast("JsonValue", contacts),
        field="messages",
        waba_id=WABA,
        phone_number_id=NUMBER,
    )


def signed(body: bytes, secret: bytes = SECRET) -> bytes:
    return b"sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
