"""Names under which events are stored (domain.md 2.9, style.md 7)."""

from typing import get_type_hints

import pytest

from services.tickets.domain.catalogue import EVENTS, Event
from services.tickets.domain.contact.events import ContactFieldSet
from services.tickets.domain.ticket.events import TicketPaused, TicketTransferred

# read by a person or by a machine that knows them: never in plain text in the store
PERSONAL = frozenset(
    [
        "name",
        "previous_name",
        "phone",
        "user_id",
        "username",
        "content",
        "sender",
        "wamid",
        "referral",
        "raw",
        "recipient",
        "reply_to_wamid",
        "note",
        "text",
        "unclaimed_text",
        "emoji",
        "value",
        "previous_value",
    ]
)
NAMES_OF_THINGS = frozenset([(ContactFieldSet, "name")])
WORDS_OF_PEOPLE = frozenset([(TicketPaused, "reason"), (TicketTransferred, "reason")])


@pytest.mark.parametrize("kind", EVENTS.values())
def test_an_event_is_stored_under_its_own_name(kind: type[Event]) -> None:
    assert f"tickets.{kind.__name__}" == kind.TOPIC


@pytest.mark.parametrize("kind", EVENTS.values())
def test_what_is_personal_is_sealed_and_nothing_else(kind: type[Event]) -> None:
    hints = get_type_hints(kind, include_extras=True)
    sealed = {
        name for name, hint in hints.items() if "personal" in getattr(hint, "__metadata__", ())
    }
    things = {name for owner, name in NAMES_OF_THINGS if owner is kind}
    words = {name for owner, name in WORDS_OF_PEOPLE if owner is kind}
    assert sealed == ((PERSONAL - things) | words) & set(hints)
