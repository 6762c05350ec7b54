"""What can a customer send? The content of each type of message (Cloud API 4)."""

import base64
import hashlib
from collections.abc import Callable
from typing import Final

from deploy.simulator.chance import seeded
from deploy.simulator.json_values import Json


def text(body: str) -> Json:
    """A text."""
    return {"text": {"body": body}}


def reaction(wamid: str, emoji: str) -> Json:
    """A reaction to a message of the business; without emoji it is taken back."""
    return {"reaction": {"message_id": wamid, **({"emoji": emoji} if emoji else {})}}


def unsupported(kind: str = "poll_creation") -> Json:
    """Something that Meta does not hand over."""
    title = "Message type unknown"
    error = {
        "code": 131051,
        "title": title,
        "message": title,
        "error_data": {"details": "Message type is currently not supported."},
    }
    return {"unsupported": {"type": kind}, "errors": [error]}


def media(kind: str, mime: str, token: str, **more: object) -> Json:
    """A file; id, checksum and address follow from the token."""
    number = seeded("media", token).randrange(10**14, 10**15)
    digest = hashlib.sha256(token.encode()).digest()
    return {
        kind: {
            "mime_type": mime,
            "sha256": base64.b64encode(digest).decode(),
            "id": str(number),
            "url": f"https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid={number}",
            **more,
        }
    }


def location(_token: str) -> Json:
    """A place in São Paulo."""
    place = {"name": "Praça da Sé", "address": "Praça da Sé, s/n - São Paulo"}
    return {"location": {"latitude": -23.5503, "longitude": -46.6339, **place}}


def contacts(token: str) -> Json:
    """The card of somebody else."""
    phone = f"55119{seeded('card', token).randrange(60000000, 99999999)}"
    name = {"formatted_name": "Oficina do João", "first_name": "João"}
    return {"contacts": [{"name": name, "phones": [{"phone": f"+{phone}", "wa_id": phone}]}]}


def order(token: str) -> Json:
    """A basket from the catalogue; Meta writes numbers as numbers or strings."""
    chance = seeded("order", token)
    product = {
        "product_retailer_id": f"sku-{chance.randrange(100, 999)}",
        "quantity": chance.choice((1, 2, "3")),
        "item_price": chance.choice((49.9, "19.90")),
        "currency": "BRL",
    }
    return {
        "order": {
            "catalog_id": "1094",
            "text": "pode separar?",
            "product_items": [product],
        }
    }


_VOICE: Final = "audio/ogg; codecs=opus"

SAMPLES: Final[dict[str, Callable[[str], Json]]] = {
    "image": lambda token: media("image", "image/jpeg", token),
    "video": lambda token: media("video", "video/mp4", token, caption="olha o barulho"),
    "audio": lambda token: media("audio", _VOICE, token, voice=True),
    "document": lambda token: media(
        "document", "application/pdf", token, filename="comprovante.pdf"
    ),
    "sticker": lambda token: media("sticker", "image/webp", token, animated=False),
    "location": location,
    "contacts": contacts,
    "order": order,
    "unsupported": lambda _token: unsupported(),
}
