"""How do customers write to a system under measurement? Straight to ingest's door, signed."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from tests.checks.system import System


def phone(number: int) -> str:
    """The number of a customer."""
    return f"55119{70_000_000 + number}"


async def write(system: System, texts: Sequence[tuple[str, str]]) -> bool:
    """One webhook with these texts (phone, text); whether it was acknowledged."""
    public = system.public
    body = json.dumps(_envelope(public, texts)).encode()
    signature = hmac.digest(public["GUICHE_APP_SECRET"].encode(), body, hashlib.sha256).hex()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    async with system.http.post(public["GUICHE_WEBHOOK"], data=body, headers=headers) as answer:
        return answer.status == 200


def _envelope(public: Mapping[str, str], texts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": public["GUICHE_DISPLAY_PHONE"],
            "phone_number_id": public["GUICHE_PHONE_NUMBER_ID"],
        },
        "contacts": [{"profile": {"name": "Marina"}, "wa_id": who} for who, _ in texts],
        "messages": [_message(who, text) for who, text in texts],
    }
    change = {"field": "messages", "value": value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": public["GUICHE_WABA_ID"], "changes": [change]}],
    }


def _message(who: str, text: str) -> dict[str, Any]:
    return {
        "from": who,
        "id": f"wamid.{uuid4().hex}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
    }
