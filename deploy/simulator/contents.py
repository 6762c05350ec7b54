"""What can a customer send? The content of each type of message (Cloud API 4)."""

import base64
import hashlib
from collections.abc import Callable
from typing import Final

from deploy.simulator.chance import seeded
from deploy.simulator.files import file_of, media_id
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


def media(kind: str, token: str, **more: object) -> Json:
    """A file; id, bytes, checksum and address follow from the token."""
    number = media_id(kind, token)
    file = file_of(number)
    if file is None:
        raise LookupError(kind)
    return {
        kind: {
            "mime_type": file.mime_type,
            "sha256": base64.b64encode(hashlib.sha256(file.data).digest()).decode(),
            "id": number,
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


SAMPLES: Final[dict[str, Callable[[str], Json]]] = {
    "image": lambda token: media("image", token),
    "video": lambda token: media("video", token, caption="olha o barulho"),
    "audio": lambda token: media("audio", token, voice=True),
    "document": lambda token: media("document", token, filename="comprovante.pdf"),
    "sticker": lambda token: media("sticker", token, animated=False),
    "location": location,
    "contacts": contacts,
    "order": order,
    "unsupported": lambda _token: unsupported(),
}
