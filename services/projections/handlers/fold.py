"""How do the read models change by one event? Pure; the order of the events is the log's."""

from uuid import UUID

from services.projections.domain import cards, fates, timeline
from services.projections.domain.events import Event
from services.projections.handlers.models import Models, Person
from shared.contracts import tickets as published


class UnreadableEventError(ValueError):
    """The body is not what its type says."""


def fold(models: Models, event: Event) -> None:
    """Apply one event to the models; raises UnreadableEventError."""
    if event.fault is not None:
        raise UnreadableEventError(event.fault)
    message = event.message
    if isinstance(message, published.ContactIdentified):
        _identified(models, event, message)
    elif isinstance(message, published.ContactRenamed):
        known = models.people.get(message.contact_id)
        phone = known.phone if known else None
        models.people[message.contact_id] = Person(
            message.contact_id, event.account_id, message.name, phone
        )
    elif isinstance(message, published.TicketOpened):
        models.rows[message.ticket_id] = cards.opened(event, message)
        _line(models, event)
    elif isinstance(message, published.TicketFact | published.ConversationFact):
        row = models.rows.get(message.ticket_id)
        if row is not None:
            models.rows[message.ticket_id] = cards.fold(row, event)
        _line(models, event)
    elif isinstance(message, published.MessageFact):
        _fate(models, event, message)


def _identified(models: Models, event: Event, message: published.ContactIdentified) -> None:
    known = models.people.get(message.contact_id)
    models.people[message.contact_id] = Person(
        message.contact_id,
        event.account_id,
        message.name or (known.name if known else None),
        message.phone or (known.phone if known else None),
    )


def _line(models: Models, event: Event) -> None:
    line = timeline.line(event, models.conversation_of)
    if line is not None:
        models.lines[line.id] = line
        models.accounts[line.id] = event.account_id


def _fate(models: Models, event: Event, message: published.MessageFact) -> None:
    id_ = _target(models, message.message_id)
    models.accounts[id_] = event.account_id
    fate = models.fates.get(id_) or fates.Fate(message_id=id_)
    if isinstance(message, published.MessageLinked):
        _link(models, event, fate, message)
        return
    folded = fates.fold(fate, message)
    models.fates[id_] = folded.model_copy(update={"position": event.position})


def _link(models: Models, event: Event, fate: fates.Fate, message: published.MessageLinked) -> None:
    whole = models.fates.get(message.same_as) or fates.Fate(message_id=message.same_as)
    joined = fates.merged(whole, fate).model_copy(update={"position": event.position})
    models.fates[message.same_as] = joined
    models.accounts[message.same_as] = event.account_id
    models.fates[message.message_id] = fates.fold(fate, message)


def _target(models: Models, message_id: UUID) -> UUID:
    """The message that facts of this stream belong to."""
    fate = models.fates.get(message_id)
    return fate.same_as if fate is not None and fate.same_as is not None else message_id
