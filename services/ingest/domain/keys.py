"""The Kafka key of an item (design.md 4)."""

from shared.contracts.inbound import InboundMessage, Item, Status
from shared.contracts.phone import phone_key
from shared.plumbing.sealing import hmac_key


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
    return phone_key(phone or "") or None


def _alone(item: Item) -> str:
    """About nobody: a key of its own, so that it never waits behind another."""
    return f"{item.body_sha256}/{item.index}"
