"""Decide what a message says about its sender."""

from datetime import datetime
from uuid import UUID

from services.tickets.domain.contact.events import (
    ContactEvent,
    ContactFieldSet,
    ContactIdentified,
    ContactRenamed,
    IdentityConflict,
)
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.people import Author, Sender


def recognise(
    contact: Contact | None, contact_id: UUID, sender: Sender, at: datetime, *, group: bool = False
) -> list[ContactEvent]:
    """What this sender adds to what we know; nothing for a group's participant."""
    if contact is None:
        return [
            ContactIdentified(
                contact_id=contact_id,
                occurred_at=at,
                group=group,
                name=None if group else sender.name,
                phone=None if group else sender.phone,
                user_id=None if group else sender.user_id,
                username=None if group else sender.username,
            )
        ]
    return [] if group else [*_identified(contact, sender, at), *_renamed(contact, sender, at)]


def set_field(
    contact: Contact | None, contact_id: UUID, name: str, value: str, by: Author, at: datetime
) -> list[ContactEvent]:
    """The field's new value; nothing when it has it already."""
    known = None if contact is None else contact.field(name)
    if known == value:
        return []
    event = ContactFieldSet(
        contact_id=contact_id, occurred_at=at, by=by, name=name, value=value, previous_value=known
    )
    return [event]


def conflict(
    contact: Contact | None, contact_id: UUID, other: UUID, kind: str, at: datetime
) -> list[ContactEvent]:
    """Another holds an identity of this contact: recorded once, for a merge by a person.

    `kind`: phone or user_id.
    """
    if contact is not None and other in contact.conflicts:
        return []
    event = IdentityConflict(
        contact_id=contact_id, other_contact_id=other, kind=kind, occurred_at=at
    )
    return [event]


def _identified(contact: Contact, sender: Sender, at: datetime) -> list[ContactEvent]:
    phone = sender.phone if sender.phone not in {None, contact.phone} else None
    user_id = sender.user_id if sender.user_id not in {None, contact.user_id} else None
    username = sender.username if sender.username not in {None, contact.username} else None
    if phone is None and user_id is None and username is None:
        return []
    return [
        ContactIdentified(
            contact_id=contact.id, occurred_at=at, phone=phone, user_id=user_id, username=username
        )
    ]


def _renamed(contact: Contact, sender: Sender, at: datetime) -> list[ContactEvent]:
    if sender.name is None or sender.name == contact.name:
        return []
    return [
        ContactRenamed(
            contact_id=contact.id,
            occurred_at=at,
            name=sender.name,
            previous_name=contact.name,
        )
    ]
