"""Which JSON does Meta send? Envelope, contacts, messages, statuses (Cloud API 3.6, 4, 5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.simulator.json_values import Json
from deploy.simulator.person import Person


@dataclass(frozen=True, slots=True)
class Number:
    """A business number of the account."""

    phone_number_id: str
    display_phone: str
    waba_id: str


def envelope(entries: Sequence[tuple[str, Sequence[Json]]]) -> Json:
    """A whole body: for each entry its account and its values, one change each."""
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": waba,
                "changes": [{"value": value, "field": "messages"} for value in values],
            }
            for waba, values in entries
        ],
    }


def value(number: Number, contacts: Sequence[Json], kind: str, items: Sequence[Json]) -> Json:
    """The value of a change: `kind` is messages or statuses; no contacts, no key."""
    metadata = {
        "display_phone_number": number.display_phone,
        "phone_number_id": number.phone_number_id,
    }
    known: Json = {"contacts": list(contacts)} if contacts else {}
    return {
        "messaging_product": "whatsapp",
        "metadata": metadata,
        **known,
        kind: list(items),
    }


def contact(person: Person, *, username: bool = True) -> Json:
    """How contacts[] shows a person; statuses of `sent` leave the username out."""
    profile: Json = {"name": person.name}
    if username and person.username:
        profile["username"] = person.username
    return {"profile": profile, **_named(person, phone="wa_id", user_id="user_id")}


def message(person: Person, wamid: str, at: float, kind: str, content: Json) -> Json:
    """One element of messages[]; `content` holds the keys of this type and of its context."""
    who = _named(person, phone="from", user_id="from_user_id")
    return {**who, "id": wamid, "timestamp": str(int(at)), "type": kind, **content}


def _named(person: Person, *, phone: str, user_id: str) -> Json:
    names = ((phone, person.phone), (user_id, person.user_id))
    return {key: name for key, name in names if name}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the business that Meta accepted."""

    wamid: str
    number: Number
    person: Person
    category: str  # service, or the template's
    opaque: str | None


def status(sent: Sent, name: str, at: float, version: str, error: Json | None = None) -> Json:
    """One element of statuses[], in the shape of webhook version `version` (v23 or v26)."""
    shape: Json = {"id": sent.wamid, "status": name, "timestamp": str(int(at))}
    if sent.person.phone:
        shape["recipient_id"] = sent.person.phone
    # Meta leaves the user id out of `failed` for a send to a phone (Cloud API 5).
    if version != "v23" and sent.person.user_id and not (error and sent.person.phone):
        shape["recipient_user_id"] = sent.person.user_id
    if error:
        shape["errors"] = [error]
    else:
        shape |= _price(sent, name, at, version)
    if sent.opaque is not None:
        shape["biz_opaque_callback_data"] = sent.opaque
    return shape


def _price(sent: Sent, name: str, at: float, version: str) -> Json:
    if name not in {"sent", "delivered"}:
        return {}
    pricing: Json = {
        "pricing_model": "PMP",
        "type": "regular",
        "category": sent.category,
    }
    if version != "v23":
        return {"pricing": {"billable": True, **pricing}}
    conversation: Json = {"id": sent.wamid[-32:], "origin": {"type": sent.category}}
    if name == "sent":
        conversation["expiration_timestamp"] = str(int(at) + 24 * 3600)
    free = sent.category == "service"
    pricing["type"] = "free_customer_service" if free else "regular"
    return {"conversation": conversation, "pricing": {"billable": not free, **pricing}}
