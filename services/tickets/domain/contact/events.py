"""Events of a Contact stream. A personal field is None when it is not known or was forgotten."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from services.tickets.domain.people import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactIdentified:
    """A person or group appeared, or is known in one more way; None leaves what was known."""

    TOPIC: ClassVar[str] = "tickets.ContactIdentified"
    contact_id: UUID
    occurred_at: datetime
    group: bool = False
    name: Annotated[str | None, "personal"] = None
    phone: Annotated[str | None, "personal"] = None
    user_id: Annotated[str | None, "personal"] = None
    username: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRenamed:
    """The profile name changed."""

    TOPIC: ClassVar[str] = "tickets.ContactRenamed"
    contact_id: UUID
    occurred_at: datetime
    name: Annotated[str | None, "personal"]
    previous_name: Annotated[str | None, "personal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFieldSet:
    """A field of the contact has this value; `name` is the account's word, not the person's."""

    TOPIC: ClassVar[str] = "tickets.ContactFieldSet"
    contact_id: UUID
    occurred_at: datetime
    by: Author
    name: str
    value: Annotated[str | None, "personal"]
    previous_value: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityConflict:
    """One identity of this contact is held by another: a person must merge (protocols.md 1)."""

    TOPIC: ClassVar[str] = "tickets.IdentityConflict"
    contact_id: UUID
    other_contact_id: UUID
    kind: str
    occurred_at: datetime


ContactEvent = ContactIdentified | ContactRenamed | ContactFieldSet | IdentityConflict
