"""Every field of tickets.events changes what people see, or stands here with the reason why not."""

import json
from datetime import datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import pytest

from services.projections.read_models.cards.fold import CardRows
from services.projections.read_models.contacts.fold import FACTS, ContactRows
from services.projections.read_models.messages.fold import MessageRows
from services.projections.read_models.read_model import States
from services.projections.read_models.timeline.fold import TimelineRows
from services.projections.read_models.timeline.shown import shown
from shared.contracts import tickets as published
from shared.contracts.content import Media, ProviderError, PublishedContent
from shared.contracts.envelope import Message
from shared.contracts.inbound import Referral
from shared.contracts.inbox import Row
from shared.contracts.tickets import TICKETS_EVENTS_TYPES, Author
from tests.projections import stories
from tests.projections.stories import CONNECTION, Customer, Log
from tests.projections.test_folds import folded

WHO = Customer(1)
STREAM = UUID(int=4_711)
JOINS = "an id by which it is joined, not shown by itself"
FIXED: dict[str, UUID] = {
    "contact_id": WHO.id,
    "ticket_id": WHO.ticket(),
    "conversation_id": WHO.conversation,
    "connection_id": CONNECTION,
}
FOLLOWS = "what became of the message follows on its stream, and is shown as its fate"
TICK = "ticks have no instant on a screen; the order of facts follows from it"
ORDER = "decides which value holds (the last by Meta's instant)"

NOT_SHOWN: dict[type[Message], dict[str, str]] = {
    published.ContactIdentified: {"user_id": "an id of Meta's that no person knows"},
    published.ContactRenamed: {"previous_name": "the name that holds is shown"},
    published.ContactFieldSet: {
        "previous_value": "the value that holds is shown",
        "by": "only flows set fields",
    },
    published.FlowSessionStarted: {"opened_by": "tells the bot which message is no answer"},
    published.MessageReceived: {},
    published.MessagesRead: {
        "by": "agents of a sector read for each other: only what is unread is shown",
        "occurred_at": "unread goes by the order of the log",
    },
    published.MessageCancelRequested: dict.fromkeys(
        ("message_id", "by", "reason", "occurred_at"), FOLLOWS
    ),
    published.InboundDropped: dict.fromkeys(
        ("occurred_at", "reason"), "who is blocked is not to be seen"
    ),
    published.IdentityConflict: {"occurred_at": ORDER},
    published.MessageLinked: {"same_as": JOINS},
}
"""The fields, besides ids and instants that hold for a whole group, and why."""


def reason(kind: type[Message], field: str) -> str | None:
    if field in FIXED or (field == "message_id" and issubclass(kind, published.MessageFact)):
        return JOINS
    if field == "occurred_at" and issubclass(kind, published.MessageFact):
        return TICK
    if field == "occurred_at" and kind.__name__.startswith("Contact"):
        return ORDER
    return NOT_SHOWN.get(kind, {}).get(field)


FIELDS = [
    (kind, field)
    for kind in TICKETS_EVENTS_TYPES.values()
    for field in kind.model_fields
    if reason(kind, field) is None
]

SAMPLES: dict[Any, tuple[Any, Any]] = {
    str: ("um", "dois"),
    bool: (False, True),
    int: (1, 2),
    UUID: (UUID(int=31), UUID(int=32)),
    datetime: (stories.at(2000), stories.at(2001)),
    Author: (
        Author(kind="agent", agent_id=UUID(int=41)),
        Author(kind="agent", agent_id=UUID(int=42)),
    ),
    PublishedContent: (
        PublishedContent(type="text", text="um"),
        PublishedContent(type="image", media=Media(id="7")),
    ),
    Referral: (Referral(headline="um"), Referral(headline="dois")),
    list[ProviderError]: ([], [ProviderError(code=131026, title="Undeliverable")]),
}


def samples(annotation: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Two values of a field."""
    if get_origin(annotation) in {Union, UnionType}:
        return samples(next(arg for arg in get_args(annotation) if arg is not type(None)))
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0], get_args(annotation)[1]
    return SAMPLES[annotation]


def seen(kind: type[Message], /, **values: Any) -> str:  # noqa: ANN401
    """Everything that a person may read after an event with these values."""
    log = Log()
    stories.arrives(log, WHO)
    stories.says(log, WHO, 2, "dois")
    stories.answers(log, WHO, 3, "Olá!")
    if kind is published.ReactionChanged:
        values = {"by": Author(kind="contact"), "emoji": "👍", **values}
    given: dict[str, Any] = {**FIXED, "message_id": WHO.message(3), "up_to": WHO.message(1)}
    for name, field in kind.model_fields.items():
        given.setdefault(name, samples(field.annotation)[0])
    if kind in {published.MessageReceived, published.MessageQueued}:
        given["message_id"] = WHO.message(9)
    if kind in {published.MessageMediaStored, published.MessageMediaUnavailable}:
        file = PublishedContent(type="image", media=Media(id="7"))
        stories.says(log, WHO, 9, "", file)
        given["message_id"] = WHO.message(9)
    if kind is published.TicketOpened:
        given["ticket_id"] = WHO.ticket(2)
    log.add(WHO.id, STREAM, kind.model_validate({**given, **values}))
    return readable(folded(log.events))


def readable(states: States) -> str:
    statuses = states.of(MessageRows).statuses
    lines = [
        shown(line, statuses.get(id_)).model_dump(mode="json")
        for id_, line in states.of(TimelineRows).lines.items()
    ]
    rows = [row.model_dump(mode="json", include=set(Row.model_fields)) for row in _rows(states)]
    people = [
        (one.name, one.phone, one.username, str(one.last_seen_at), _facts(one.facts))
        for one in states.of(ContactRows).people.values()
    ]
    return json.dumps([lines, rows, people], sort_keys=True)


def _rows(states: States) -> list[Row]:
    return list(states.of(CardRows).rows.values())


def _facts(facts: str) -> dict[str, str | None]:
    return {name: fact.value for name, fact in FACTS.validate_json(facts).items()}


@pytest.mark.parametrize(
    ("kind", "field"), FIELDS, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_field_that_is_for_people_is_shown(kind: type[Message], field: str) -> None:
    one, other = samples(kind.model_fields[field].annotation)
    if field == "up_to":
        one, other = WHO.message(1), WHO.message(2)
    if kind is published.ReactionChanged and field == "by":
        one, other = Author(kind="contact"), Author(kind="agent")
    assert seen(kind, **{field: one}) != seen(kind, **{field: other})


def test_no_reason_is_left_of_a_field_that_is_gone() -> None:
    for kind, fields in NOT_SHOWN.items():
        assert set(fields) <= set(kind.model_fields), kind.__name__
