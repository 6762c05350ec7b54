"""Fold events into contacts."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from services.projections.domain.events import Event
from services.projections.read_models.dated import Dated, dated, later
from services.projections.read_models.folding import Fold
from services.projections.read_models.read_model import RowCache, States
from shared.contracts import tickets as published

FIELD: Final = "field:"
CONFLICT: Final = "conflict:"
FACTS: Final = TypeAdapter(dict[str, Dated])


@dataclass(frozen=True, slots=True)
class Contact:
    """A person; `facts` is JSON of what holds of them and since when.

    Its names: `name`, `phone`, `username`, `field:<name>`, `conflict:<other contact>`.
    """

    id: UUID
    account_id: UUID
    name: str | None = None
    phone: str | None = None
    username: str | None = None
    last_seen_at: datetime | None = None
    facts: str = "{}"


@dataclass(slots=True)
class ContactRows(RowCache):
    """The contacts that a batch touches."""

    people: dict[UUID, Contact] = field(default_factory=dict[UUID, Contact])

    def learn(self, id_: UUID, event: Event, at: datetime, **values: str | None) -> None:
        """Each value holds unless a later one is known."""
        known = self.people.get(id_) or Contact(id_, event.account_id)
        facts = FACTS.validate_json(known.facts)
        for name, value in values.items():
            new = dated(value, at, event)
            facts[name] = later(facts.get(name), new) or new
        self.people[id_] = replace(
            known,
            name=_value(facts, "name"),
            phone=_value(facts, "phone"),
            username=_value(facts, "username"),
            facts=FACTS.dump_json(facts).decode(),
        )


FOLD: Final = Fold[States](
    version=1,
    ignores=(
        published.TicketFact,
        published.MessageQueued,
        published.MessagesRead,
        published.MessageCancelRequested,
        published.InboundDropped,
        published.MessageFact,
        published.Internal,
    ),
)


@FOLD.on(published.ContactIdentified)
def _identified(states: States, event: Event, message: published.ContactIdentified) -> None:
    """What is not known takes nothing away."""
    given = {"name": message.name, "phone": message.phone, "username": message.username}
    values = {name: value for name, value in given.items() if value is not None}
    states.of(ContactRows).learn(message.contact_id, event, message.occurred_at, **values)


@FOLD.on(published.ContactRenamed)
def _renamed(states: States, event: Event, message: published.ContactRenamed) -> None:
    rows = states.of(ContactRows)
    rows.learn(message.contact_id, event, message.occurred_at, name=message.name)


@FOLD.on(published.ContactFieldSet)
def _field_set(states: States, event: Event, message: published.ContactFieldSet) -> None:
    values = {f"{FIELD}{message.name}": message.value}
    states.of(ContactRows).learn(message.contact_id, event, message.occurred_at, **values)


@FOLD.on(published.IdentityConflict)
def _conflict(states: States, event: Event, message: published.IdentityConflict) -> None:
    values = {f"{CONFLICT}{message.other_contact_id}": message.kind}
    states.of(ContactRows).learn(message.contact_id, event, message.occurred_at, **values)


@FOLD.on(published.MessageReceived)
def _seen(states: States, event: Event, message: published.MessageReceived) -> None:
    people = states.of(ContactRows).people
    known = people.get(message.contact_id) or Contact(message.contact_id, event.account_id)
    seen = max(message.occurred_at, known.last_seen_at or message.occurred_at)
    people[message.contact_id] = replace(known, last_seen_at=seen)


def _value(facts: dict[str, Dated], name: str) -> str | None:
    fact = facts.get(name)
    return None if fact is None else fact.value
