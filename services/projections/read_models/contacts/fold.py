"""What is known of a contact after an event?"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.read_models.folding import Fold
from services.projections.read_models.read_model import RowCache, States
from shared.contracts import tickets as published


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as cards show it."""

    id: UUID
    account_id: UUID
    name: str | None
    phone: str | None


@dataclass(slots=True)
class ContactRows(RowCache):
    """The contacts that a batch touches."""

    people: dict[UUID, Person] = field(default_factory=dict[UUID, Person])


FOLD: Final = Fold[States](
    version=1,
    ignores=(
        published.ContactFieldSet,
        published.IdentityConflict,
        published.TicketFact,
        published.ConversationFact,
        published.InboundDropped,
        published.MessageFact,
        published.Internal,
    ),
)


@FOLD.on(published.ContactIdentified)
def _identified(states: States, event: Event, message: published.ContactIdentified) -> None:
    people = states.of(ContactRows).people
    known = people.get(message.contact_id)
    people[message.contact_id] = Person(
        message.contact_id,
        event.account_id,
        message.name or (known.name if known else None),
        message.phone or (known.phone if known else None),
    )


@FOLD.on(published.ContactRenamed)
def _renamed(states: States, event: Event, message: published.ContactRenamed) -> None:
    people = states.of(ContactRows).people
    known = people.get(message.contact_id)
    phone = known.phone if known else None
    people[message.contact_id] = Person(message.contact_id, event.account_id, message.name, phone)
