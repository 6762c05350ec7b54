"""Who wrote, and what is new about them (protocols.md 1)."""

from services.tickets.domain.contact.decide import conflict, recognise, set_field
from services.tickets.domain.contact.events import (
    ContactEvent,
    ContactFieldSet,
    ContactIdentified,
    ContactRenamed,
    IdentityConflict,
)
from services.tickets.domain.contact.evolve import evolve
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.people import BOT, Sender
from tests.support.builders import AT, MARINA, an_id

SENDER = Sender(phone="5511912345678", user_id="BR.1", username="marina", name="Marina")


def known(*events: ContactEvent) -> Contact | None:
    state: Contact | None = None
    for event in events:
        state = evolve(state, event)
    return state


def test_somebody_new_is_identified_with_all_that_was_said() -> None:
    state = known(*recognise(None, MARINA, SENDER, AT))
    assert state == Contact(
        id=MARINA, name="Marina", phone="5511912345678", user_id="BR.1", username="marina"
    )


def test_the_same_again_says_nothing() -> None:
    state = known(*recognise(None, MARINA, SENDER, AT))
    assert recognise(state, MARINA, SENDER, AT) == []
    assert recognise(state, MARINA, Sender(phone="5511912345678"), AT) == []


def test_one_more_identity_leaves_the_others() -> None:
    state = known(*recognise(None, MARINA, Sender(phone="5511912345678"), AT))
    events = recognise(state, MARINA, Sender(user_id="BR.1"), AT)
    assert [type(one) for one in events] == [ContactIdentified]
    state = evolve(state, events[0])
    assert (state.phone, state.user_id) == ("5511912345678", "BR.1")


def test_a_new_name_keeps_the_old_one_in_the_event() -> None:
    state = known(*recognise(None, MARINA, SENDER, AT))
    events = recognise(state, MARINA, Sender(phone="5511912345678", name="Nina"), AT)
    assert [type(one) for one in events] == [ContactRenamed]
    renamed = events[0]
    assert isinstance(renamed, ContactRenamed)
    assert (renamed.name, renamed.previous_name) == ("Nina", "Marina")


def test_a_participant_says_nothing_about_the_group() -> None:
    state = known(*recognise(None, MARINA, SENDER, AT, group=True))
    assert state == Contact(id=MARINA, group=True)
    assert recognise(state, MARINA, SENDER, AT, group=True) == []


def test_a_conflict_is_recorded_once_per_other_contact() -> None:
    state = known(*recognise(None, MARINA, SENDER, AT))
    first = conflict(state, MARINA, an_id("nina"), "phone", AT)
    assert [type(one) for one in first] == [IdentityConflict]
    state = evolve(state, first[0])
    assert conflict(state, MARINA, an_id("nina"), "phone", AT) == []
    assert len(conflict(state, MARINA, an_id("rita"), "phone", AT)) == 1


def test_a_field_is_set_with_the_value_it_had_and_once() -> None:
    before = known(*recognise(None, MARINA, SENDER, AT))
    (event,) = set_field(before, MARINA, "cpf", "1", BOT, AT)
    assert isinstance(event, ContactFieldSet)
    assert (event.value, event.previous_value, event.by) == ("1", None, BOT)
    after = evolve(before, event)
    assert set_field(after, MARINA, "cpf", "1", BOT, AT) == []
    (changed,) = set_field(after, MARINA, "cpf", "2", BOT, AT)
    assert isinstance(changed, ContactFieldSet)
    assert changed.previous_value == "1"
    assert evolve(after, changed).field("cpf") == "2"
