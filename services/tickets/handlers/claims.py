"""The only uniqueness there is: kinds of claims, their keys and values (design.md D3)."""

from typing import Final
from uuid import UUID

from services.tickets.handlers.ports import Hasher
from services.tickets.storage.contract import Claim

OPEN_TICKET: Final = "open_ticket"


def inbound(hasher: Hasher, account: UUID, holder: UUID, *parts: str) -> Claim:
    """An inbound item is applied once, for ever (reliability.md 2, G2)."""
    return Claim("inbound", hasher.hashed(account, "inbound", *parts), holder.bytes)


def wamid_hash(hasher: Hasher, account: UUID, connection: UUID, wamid: str) -> bytes:
    """The name of a wamid: it contains the customer's phone number."""
    return hasher.hashed(account, "wamid", str(connection), wamid)


def wamid(hash_: bytes, message: UUID) -> Claim:
    """A wamid belongs to one message of ours (protocols.md 1)."""
    return Claim("wamid", hash_, message.bytes)


def identity(key: bytes, contact: UUID) -> Claim:
    """A phone, user id or group belongs to one contact."""
    return Claim("identity", key, contact.bytes)


def open_ticket(contact: UUID, connection: UUID, ticket: UUID) -> Claim:
    """At most one open ticket of a contact on a connection (domain.md 2.1)."""
    return Claim(OPEN_TICKET, open_ticket_key(contact, connection), ticket.bytes)


def open_ticket_key(contact: UUID, connection: UUID) -> bytes:
    """What only one open ticket may hold."""
    return contact.bytes + connection.bytes


def agent_slot(agent: UUID, slot: int, ticket: UUID) -> Claim:
    """One of the tickets that an agent with a limit owns (design.md D3): slots 1 to the limit."""
    return Claim("agent_slot", agent.bytes + slot.to_bytes(2), ticket.bytes)


def automatic(message: UUID) -> Claim:
    """An automatic message per (ticket, kind, cause): its id derives from the three."""
    return Claim("automatic", message.bytes, message.bytes)


def protocol(number: str, ticket: UUID) -> Claim:
    """A protocol number is given once in its account."""
    return Claim("protocol", number.encode(), ticket.bytes)
