"""Read the sender; phone and user id may each be missing (Cloud API 7)."""

import re
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from services.ingest.domain.normalise.reading import Object, optional_id, optional_part
from shared.contracts.inbound import Sender

_USER_ID: Final = re.compile(r"[A-Z]{2}\..+", re.DOTALL)


def sender_of(message: Object, contacts: JsonValue) -> Sender:
    """Ids from the message first, what is missing from the contact that goes with it."""
    phone, user_id = identity(
        optional_id(message, "from"), optional_id(message, "from_user_id", "user_id")
    )
    card = _card(contacts, phone, user_id)
    card_phone, card_user_id = identity(optional_id(card, "wa_id"), optional_id(card, "user_id"))
    profile = optional_part(card, "profile")
    return Sender(
        phone=phone or card_phone,
        user_id=user_id or card_user_id or _previous_user_id(message),
        parent_user_id=optional_id(message, "from_parent_user_id")
        or optional_id(card, "parent_user_id"),
        username=optional_id(profile, "username"),
        name=optional_id(profile, "name"),
    )


def identity(phone: str | None, user_id: str | None) -> tuple[str | None, str | None]:
    """Phone and user id, also where the user id stands in the phone's place (Cloud API 19)."""
    if phone is not None and _USER_ID.fullmatch(phone):
        return None, user_id or phone
    return phone, user_id


def _previous_user_id(message: Object) -> str | None:
    """A `system` message may name its writer only by the user id that has just ended."""
    return optional_id(optional_part(message, "system"), "previous_user_id")


def _card(contacts: JsonValue, phone: str | None, user_id: str | None) -> Object:
    cards = list(_cards(contacts))
    for card in cards:
        wa_id, card_user_id = identity(optional_id(card, "wa_id"), optional_id(card, "user_id"))
        if (user_id and user_id == card_user_id) or (phone and phone == wa_id):
            return card
    return cards[0] if len(cards) == 1 and _fits(cards[0], phone, user_id) else {}


def _fits(card: Object, phone: str | None, user_id: str | None) -> bool:
    """Nothing on the only card says that it is somebody else's."""
    wa_id, card_user_id = identity(optional_id(card, "wa_id"), optional_id(card, "user_id"))
    return (not wa_id or not phone) and (not card_user_id or not user_id)


def _cards(contacts: JsonValue) -> Iterator[Object]:
    for card in contacts if isinstance(contacts, list) else []:
        if isinstance(card, dict):
            yield card
