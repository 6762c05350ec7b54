"""Apply an event to a contact."""

from dataclasses import replace

from services.tickets.domain.contact.events import (
    ContactEvent,
    ContactFieldSet,
    ContactIdentified,
    ContactRenamed,
    IdentityConflict,
)
from services.tickets.domain.contact.state import Contact


def evolve(contact: Contact | None, event: ContactEvent) -> Contact:
    """The contact after the event."""
    known = contact or Contact(id=event.contact_id)
    match event:
        case ContactIdentified():
            return replace(
                known,
                group=event.group,
                name=event.name or known.name,
                phone=event.phone or known.phone,
                user_id=event.user_id or known.user_id,
                username=event.username or known.username,
            )
        case ContactRenamed():
            return replace(known, name=event.name)
        case ContactFieldSet():
            others = tuple(one for one in known.fields if one[0] != event.name)
            return replace(known, fields=(*others, (event.name, event.value)))
        case IdentityConflict():
            return replace(known, conflicts=known.conflicts | {event.other_contact_id})
