"""What an inbound message does: the table of domain.md 2.4, on the real store."""

import asyncio
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from services.tickets.domain.contact.events import (
    ContactIdentified,
    ContactRenamed,
    IdentityConflict,
)
from services.tickets.domain.conversation.events import MessageQueued, MessageReceived
from services.tickets.domain.message import events as facts
from services.tickets.domain.ticket.events import TicketOpened, TicketReopened
from services.tickets.handlers.contact_resolution import NobodyError
from shared.contracts import inbound, outbound
from shared.contracts.directory import Policies, Texts
from shared.plumbing.loops import Heartbeat
from tests.tickets.handlers.office import (
    ACCOUNT,
    CONNECTION,
    PHONE,
    VENDAS,
    Office,
    item_fields,
    reaction,
    text,
)


async def test_the_first_message_opens_a_ticket_in_the_connections_sector(office: Office) -> None:
    await office.hears(text(at=office.at))
    assert await office.names() == [
        "ContactIdentified",
        "TicketOpened",
        "SectorAssigned",
        "MessageReceived",
    ]
    answered = await office.state(await office.newest_ticket())
    assert answered.ticket.sector_id == VENDAS
    assert answered.ticket.protocol.startswith("20261123-")
    assert {stored.key for stored in await office.log()} == {answered.ticket.contact_id}


async def test_the_same_item_again_even_through_another_process_is_a_no_op(office: Office) -> None:
    item = text(at=office.at)
    await office.hears(item)
    before = await office.names()
    await office.hears(item)
    await office.another().hears(item)
    assert await office.names() == before


async def test_an_album_at_two_processes_opens_one_ticket_with_every_picture(
    office: Office,
) -> None:
    other = office.another()
    items = [text(f"foto {n}", at=office.at) for n in range(12)]
    await asyncio.gather(
        *((office if n % 2 else other).hears(item) for n, item in enumerate(items)),
        *(office.hears(item) for item in items),
    )
    names = await office.names()
    assert names.count("TicketOpened") == 1
    assert names.count("ContactIdentified") == 1
    received = await office.events(MessageReceived)
    assert len(received) == len({one.message_id for one in received}) == 12


async def test_customers_who_write_at_once_to_two_processes_get_protocols_of_their_own(
    office: Office,
) -> None:
    other = office.another()
    phones = [f"55119000{n:05}" for n in range(120)]
    await asyncio.gather(
        *(
            (office if n % 2 else other).hears(text(at=office.at, phone=phone))
            for n, phone in enumerate(phones)
        )
    )
    opened = await office.events(TicketOpened)
    assert len({one.protocol for one in opened}) == 120


async def test_a_phone_without_the_ninth_digit_is_the_same_person(office: Office) -> None:
    await office.hears(text(at=office.at, phone="5511912345678"))
    await office.hears(text(at=office.at, phone="551112345678"))  # a landline: somebody else
    await office.hears(text(at=office.at, phone="551187654321"))
    await office.hears(text(at=office.at, phone="5511987654321"))
    assert (await office.names()).count("TicketOpened") == 3


async def test_ids_in_a_phones_place_are_persons_of_their_own(office: Office) -> None:
    for phone in ("a-77", "b-77", "77", "+77 ", "a-77"):
        await office.hears(text(at=office.at, phone=phone))
    assert (await office.names()).count("TicketOpened") == 3


@pytest.mark.parametrize("nobody", ["", "  ", None])
async def test_an_empty_identity_is_never_claimed(office: Office, nobody: str | None) -> None:
    with pytest.raises(NobodyError):
        await office.hears(text(at=office.at, phone=nobody, user_id=nobody))
    with pytest.raises(NobodyError):
        await office.hears(text(at=office.at, phone=nobody, group_id=nobody))
    assert await office.claims("identity") == set()


async def test_a_user_id_joins_the_phones_contact_and_later_stands_alone(office: Office) -> None:
    await office.hears(text(at=office.at))
    await office.hears(text(at=office.at, user_id="BR.1"))
    await office.hears(text(at=office.at, phone=None, user_id="BR.1"))
    assert (await office.names()).count("TicketOpened") == 1
    assert len(await office.events(ContactIdentified)) == 2


async def test_phone_and_user_id_of_two_contacts_go_to_the_user_ids_and_leave_a_conflict(
    office: Office,
) -> None:
    await office.hears(text(at=office.at, phone=PHONE))
    await office.hears(text(at=office.at, phone=None, user_id="BR.2"))
    both = text(at=office.at, phone=PHONE, user_id="BR.2")
    await office.hears(both)
    await office.hears(text(at=office.at, phone=PHONE, user_id="BR.2"))
    names = await office.names()
    assert names.count("IdentityConflict") == 1
    assert names.count("TicketOpened") == 2


async def test_a_new_number_is_the_same_person(office: Office) -> None:
    await office.hears(text(at=office.at, phone=PHONE))
    await office.hears(a_new_number("5511900000001", office.at))
    await office.hears(text(at=office.at, phone="5511900000001"))
    assert (await office.names()).count("TicketOpened") == 1
    assert [one.phone for one in await office.events(ContactIdentified)] == [PHONE, "5511900000001"]


async def test_a_new_number_that_somebody_else_holds_leaves_a_conflict(office: Office) -> None:
    await office.hears(text(at=office.at, phone=PHONE))
    await office.hears(text(at=office.at, phone="5511900000001"))
    change = a_new_number("5511900000001", office.at, user_id="BR.9")
    for _ in range(2):
        await office.hears(change)
    (conflict,) = await office.events(IdentityConflict)
    first, other, changed = await office.events(ContactIdentified)
    assert (conflict.contact_id, conflict.other_contact_id) == (first.contact_id, other.contact_id)
    assert conflict.kind == "phone"
    assert (changed.contact_id, changed.phone, changed.user_id) == (first.contact_id, None, "BR.9")
    await office.hears(text(at=office.at, phone="5511900000001"))
    received = (await office.events(MessageReceived))[-1]
    assert received.contact_id == other.contact_id  # the claim stays


def a_new_number(phone: str, at: datetime, user_id: str | None = None) -> inbound.IdentityChanged:
    return inbound.IdentityChanged(
        **item_fields(at),
        wamid=f"wamid.{uuid4().hex}",
        sender=inbound.Sender(phone=PHONE),
        occurred_at=at,
        change="user_changed_number",
        new_phone=phone,
        new_user_id=user_id,
    )


async def test_a_new_profile_name_is_told_once(office: Office) -> None:
    await office.hears(text(at=office.at, name="Marina"))
    for _ in range(2):
        await office.hears(text(at=office.at, name="Marina Souza"))
    assert len(await office.events(ContactRenamed)) == 1


async def test_the_greeting_is_sent_once_within_its_cool_down(office: Office) -> None:
    office.texts = Texts(greeting="Olá, {name}! Protocolo {protocol}.")
    await office.hears(text(at=office.at, name="{protocol}"))
    greeting = (await office.events(MessageQueued))[0]
    assert greeting.automatic == "greeting"
    assert greeting.content is not None
    assert greeting.content.text is not None
    assert greeting.content.text.startswith("Olá, {protocol}! Protocolo 20261123-")
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    await office.close(ticket)
    office.later(minutes=20)
    await office.hears(text("voltei", at=office.at))
    assert len(await office.events(MessageQueued)) == 1
    assert (await office.names()).count("TicketOpened") == 2


async def test_a_message_that_comes_days_late_opens_no_window_and_gets_no_greeting(
    office: Office,
) -> None:
    office.texts = Texts(greeting="Olá!")
    written = office.at
    office.later(days=3)
    await office.hears(text(at=written))
    names = await office.names()
    assert "MessageQueued" not in names
    assert names.count("AutoMessageSkipped") == 1


@pytest.mark.parametrize("said", ["obrigado", "Ok!", "🙏", "Muito obrigada!!"])
async def test_a_courtesy_soon_after_closing_stays_under_the_closed_ticket(
    office: Office, said: str
) -> None:
    ticket = await a_closed_ticket(office)
    office.later(minutes=3)
    await office.hears(text(said, at=office.at))
    received = (await office.events(MessageReceived))[-1]
    assert (received.after_close, received.ticket_id) == (True, ticket)
    assert (await office.names()).count("TicketOpened") == 1


@pytest.mark.parametrize(("said", "minutes"), [("preciso de ajuda", 3), ("obrigado", 11)])
async def test_anything_else_after_closing_opens_a_new_ticket(
    office: Office, said: str, minutes: int
) -> None:
    ticket = await a_closed_ticket(office)
    office.later(minutes=minutes)
    await office.hears(text(said, at=office.at))
    opened = (await office.events(TicketOpened))[-1]
    assert opened.previous_ticket_id == ticket


async def test_the_policy_may_reopen_instead(office: Office) -> None:
    office.policies = Policies(inbound_after_close="reopen_within", reopen_within_minutes=30)
    ticket = await a_closed_ticket(office)
    office.later(minutes=20)
    await office.hears(text("ainda não chegou", at=office.at))
    assert (await office.events(TicketReopened))[0].ticket_id == ticket
    await office.accept(ticket)
    await office.close(ticket)
    office.later(minutes=31)
    await office.hears(text("de novo", at=office.at))
    assert (await office.names()).count("TicketOpened") == 2


async def test_a_message_goes_to_an_older_ticket_that_was_reopened(office: Office) -> None:
    older = await a_closed_ticket(office)
    office.later(minutes=20)
    await office.hears(text("outra coisa", at=office.at))
    newer = await office.newest_ticket()
    await office.accept(newer)
    await office.close(newer)
    await office.reopen(older)
    await office.another().hears(text("e agora?", at=office.at))
    received = (await office.events(MessageReceived))[-1]
    assert received.ticket_id == older


async def test_a_reaction_opens_nothing_and_waits_for_the_message_it_is_about(
    office: Office,
) -> None:
    await office.hears(text(at=office.at))
    await office.hears(reaction("wamid.later", "❤️", at=office.at))
    await office.hears(reaction("wamid.later", None, at=office.at))
    await office.hears(text("chegou depois", at=office.at, wamid="wamid.later"))
    names = await office.names()
    assert names.count("TicketOpened") == 1
    assert names.count("ReactionChanged") == 2
    reacted = (await office.events(facts.ReactionChanged))[0]
    received = (await office.events(MessageReceived))[-1]
    assert reacted.message_id == received.message_id


async def test_fates_come_in_any_order_and_each_is_stored_once(office: Office) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    sent = (await office.say(ticket)).message_id
    assert sent is not None
    kinds = (outbound.MessageRead, outbound.MessageAccepted, outbound.MessageSent)
    for kind in (*kinds, *kinds):
        await office.arrivals.when_outbound(await fate(office, kind, sent), "c")
    stored = await office.events(facts.MessageFact)
    assert [type(one).__name__ for one in stored] == [
        "MessageRead",
        "MessageAccepted",
        "MessageSent",
    ]


async def test_a_status_by_wamid_that_came_first_is_linked_to_our_message(office: Office) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    sent = (await office.say(ticket)).message_id
    assert sent is not None
    early = inbound.StatusDelivered(
        **item_fields(office.at), wamid="wamid.out", occurred_at=office.at, recipient_phone=PHONE
    )
    await office.hears(early)
    await office.hears(early)
    await office.arrivals.when_outbound(await fate(office, outbound.MessageAccepted, sent), "c")
    linked = (await office.events(facts.MessageLinked))[0]
    assert linked.same_as == sent
    assert (await office.names()).count("MessageDelivered") == 1


async def test_a_status_that_names_nobody_goes_by_its_wamid(office: Office) -> None:
    sent = await an_answer(office)
    await office.arrivals.when_outbound(await fate(office, outbound.MessageAccepted, sent), "c")
    for _ in range(2):
        await office.hears(a_status("wamid.out", inbound.StatusDelivered, office.at))
    (delivered,) = await office.events(facts.MessageDelivered)
    assert delivered.message_id == sent
    assert await office.database.unmatched.matched() == []


async def test_a_status_that_names_nobody_is_kept_until_its_message_is_known(
    office: Office,
) -> None:
    sent = await an_answer(office)
    before = await office.names()
    for _ in range(3):  # Meta repeats
        await office.hears(a_status("wamid.out", inbound.StatusDelivered, office.at))
        await office.hears(a_status("wamid.out", inbound.StatusRead, office.at))
        await office.hears(a_status("wamid.never", inbound.StatusRead, office.at))
    assert await office.names() == before
    assert await kept(office) == 3
    await office.arrivals.apply_matched(Heartbeat())
    assert await office.names() == before
    await office.arrivals.when_outbound(await fate(office, outbound.MessageAccepted, sent), "c")
    await office.arrivals.apply_matched(Heartbeat())
    assert {one.message_id for one in await office.events(facts.MessageDelivered)} == {sent}
    assert len(await office.events(facts.MessageRead)) == 1
    assert await kept(office) == 1


async def kept(office: Office) -> int:
    async with office.database.pool.connection() as conn:
        row = await (await conn.execute("SELECT count(*) FROM unmatched")).fetchone()
    assert row is not None
    return int(row[0])


def a_status(wamid: str, kind: type[inbound.Status], at: datetime) -> inbound.Status:
    return kind(**item_fields(at), wamid=wamid, occurred_at=at)


async def an_answer(office: Office) -> UUID:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    sent = (await office.say(ticket)).message_id
    assert sent is not None
    return sent


async def fate(office: Office, kind: type[outbound.Fate], message_id: UUID) -> outbound.Fate:
    queued = (await office.events(MessageQueued))[-1]
    return kind.model_validate(
        {
            "message_id": message_id,
            "account_id": ACCOUNT,
            "contact_id": queued.contact_id,
            "connection_id": CONNECTION,
            "conversation_id": queued.conversation_id,
            "ticket_id": queued.ticket_id,
            "occurred_at": office.at,
            "wamid": "wamid.out",
        }
    )


async def a_closed_ticket(office: Office) -> UUID:
    await office.hears(text(at=office.at, wamid=f"wamid.{uuid4().hex}"))
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    await office.close(ticket)
    return ticket
