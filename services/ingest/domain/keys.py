"""Under which Kafka key does an item go (design.md 4)?"""

import re
from typing import Final

from shared.contracts.inbound import InboundMessage, Item, Status
from shared.plumbing.sealing import hmac_key

_BRAZIL_WITHOUT_NINE: Final = re.compile(r"55([0-9]{2})([6-9][0-9]{7})")


def folded(phone: str) -> str:
    """The phone with Brazil's ninth digit added where it is missing; never one taken away.

    Eight digits that begin with 6 to 9 are a mobile in its old form; those that begin with 2 to 5
    are a landline, and stay (protocols.md 1).
    """
    found = _BRAZIL_WITHOUT_NINE.fullmatch(phone)
    return phone if found is None else f"55{found.group(1)}9{found.group(2)}"


def inbound_key(pepper: bytes, item: Item) -> bytes:
    """HMAC of the connection and whom the item is about, so that no phone stands on the topic."""
    return hmac_key(pepper, str(item.connection_id), _identity(item)).hex().encode()


def _identity(item: Item) -> str:
    if isinstance(item, InboundMessage):
        return _person(item.group_id, item.sender.user_id, item.sender.phone) or _alone(item)
    if isinstance(item, Status):
        recipient = _person(item.group_id, item.recipient_user_id, item.recipient_phone)
        return recipient or item.wamid
    return _alone(item)


def _person(group_id: str | None, user_id: str | None, phone: str | None) -> str | None:
    """A group is a contact of its own (domain.md 2.1); a user id outlives a phone."""
    if group_id or user_id:
        return group_id or user_id
    return folded(phone) if phone else None


def _alone(item: Item) -> str:
    """About nobody: a key of its own, so that it never waits behind another."""
    return f"{item.body_sha256}/{item.index}"
