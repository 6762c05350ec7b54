"""Who may close and reopen a ticket, and where it goes (domain.md 2.3, 2.7)."""

from dataclasses import replace
from datetime import datetime

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.people import CONTACT, Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.closing import Close
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import TicketAccepted, TicketClosed, TicketReopened
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.reopening import Reopen, ReopenByInbound
from services.tickets.domain.ticket.state import Lifecycle
from tests.support.builders import (
    ANA,
    AT,
    BIA,
    CARLA,
    SUPERVISOR,
    SUPORTE,
    accepted,
    after,
    an_agent,
    an_id,
    assigned,
    closed,
    opened,
    policies,
    reopened,
)
from tests.support.specs import Spec

ticket = Spec(evolve, decide)
WAITING = (opened(), assigned())
ATTENDED = (*WAITING, accepted(ANA))
OVER = (*ATTENDED, closed(ANA))
BACK = replace(policies(), reopen_manual_target="attending_by_last_owner")


def close(
    by: Actor = ANA, *, farewell: bool | None = None, policy: Policies | None = None
) -> Close:
    return Close(actor=by, farewell=farewell, at=after(hours=1), policies=policy or policies())


def reopen(
    by: Actor = ANA,
    *,
    at: datetime = AT,
    policy: Policies | None = None,
    last_owner: Actor | None = ANA,
) -> Reopen:
    return Reopen(actor=by, last_owner=last_owner, at=at, policies=policy or policies())


def test_the_owner_closes_and_nobody_owns_it_any_more() -> None:
    events = ticket.given(*ATTENDED).when(close()).then(TicketClosed)
    state = ticket.folded([*ATTENDED, *events])
    assert (state.lifecycle, state.owner_id, state.last_owner_id) == (
        Lifecycle.CLOSED,
        None,
        ANA.agent_id,
    )
    assert state.closed_at == after(hours=1)


def test_another_agent_does_not_close_it_but_a_supervisor_does() -> None:
    refused = ticket.given(*ATTENDED).when(close(BIA)).then_refused(refusals.NotOwnerError)
    assert refused.owner == ANA.agent_id
    ticket.given(*ATTENDED).when(close(SUPERVISOR)).then(TicketClosed)


def test_a_closed_ticket_is_not_closed_again() -> None:
    ticket.given(*OVER).when(close()).then_refused(refusals.TicketClosedError)


def test_a_waiting_ticket_is_closed_by_its_sector_where_the_account_allows_it() -> None:
    ticket.given(*WAITING).when(close(BIA)).then(TicketClosed)
    ticket.given(*WAITING).when(close(CARLA)).then_refused(refusals.NotInSectorError)
    strict = replace(policies(), close_from_waiting=False)
    ticket.given(*WAITING).when(close(BIA, policy=strict)).then_refused(refusals.TicketWaitingError)


def test_a_reason_is_demanded_where_the_account_demands_one() -> None:
    strict = policies(close_reason="required")
    asked = close(policy=strict)
    ticket.given(*ATTENDED).when(asked).then_refused(refusals.CloseReasonRequiredError)
    ticket.given(*ATTENDED).when(replace(asked, reason_id=an_id("resolvido"))).then(TicketClosed)


@pytest.mark.parametrize(
    ("policy", "asked", "sent"),
    [
        ("ask", None, False),
        ("ask", True, True),
        ("ask", False, False),
        ("always", False, True),
        ("never", True, False),
    ],
)
def test_the_farewell_follows_the_policy(policy: str, asked: bool | None, sent: bool) -> None:  # noqa: FBT001  a table
    chosen = replace(policies(), farewell=policy)
    event = ticket.given(*ATTENDED).when(close(farewell=asked, policy=chosen)).then(TicketClosed)[0]
    assert isinstance(event, TicketClosed)
    assert event.farewell is sent


def test_who_was_never_attended_gets_no_farewell_unless_the_account_says_so() -> None:
    always = policies(farewell="always")
    silent = ticket.given(*WAITING).when(close(policy=always)).then(TicketClosed)[0]
    polite = replace(always, farewell_when_closed_from_waiting=True)
    spoken = ticket.given(*WAITING).when(close(policy=polite)).then(TicketClosed)[0]
    assert isinstance(silent, TicketClosed)
    assert isinstance(spoken, TicketClosed)
    assert (silent.farewell, spoken.farewell) == (False, True)


def test_only_a_closed_ticket_is_reopened() -> None:
    for open_ticket in (WAITING, ATTENDED):
        ticket.given(*open_ticket).when(reopen()).then_refused(refusals.TicketNotClosedError)


def test_who_reopens_attends_by_default() -> None:
    _, taken = ticket.given(*OVER).when(reopen(BIA)).then(TicketReopened, TicketAccepted)
    assert isinstance(taken, TicketAccepted)
    assert (taken.owner_id, taken.via) == (BIA.agent_id, "reopen")


def test_the_last_owner_gets_it_back_where_the_policy_says_so() -> None:
    asked = reopen(BIA, policy=BACK)
    _, taken = ticket.given(*OVER).when(asked).then(TicketReopened, TicketAccepted)
    assert isinstance(taken, TicketAccepted)
    assert (taken.owner_id, taken.override_by) == (ANA.agent_id, None)


@pytest.mark.parametrize("gone", [None, an_agent("ana", SUPORTE)])
def test_a_last_owner_who_left_the_company_or_the_sector_does_not_get_it_back(
    gone: Actor | None,
) -> None:
    asked = reopen(BIA, policy=BACK, last_owner=gone)
    ticket.given(*OVER).when(asked).then(TicketReopened)
    by_client = ReopenByInbound(last_owner=gone, at=AT, policies=BACK)
    ticket.given(*OVER).when(by_client).then(TicketReopened)


def test_it_goes_back_to_the_queue_where_the_policy_says_so() -> None:
    waits = replace(policies(), reopen_manual_target="waiting")
    event = ticket.given(*OVER).when(reopen(policy=waits)).then(TicketReopened)[0]
    assert isinstance(event, TicketReopened)
    state = ticket.folded([*OVER, event])
    assert (event.lifecycle, state.lifecycle, state.owner_id) == ("waiting", "waiting", None)
    assert state.closed_at is None


def test_who_may_reopen_is_a_policy() -> None:
    over = ticket.given(*OVER)
    over.when(reopen(CARLA)).then_refused(refusals.NotInSectorError)
    owner_only = policies(reopen_who="owner")
    over.when(reopen(BIA, policy=owner_only)).then_refused(refusals.NotOwnerError)
    over.when(reopen(ANA, policy=owner_only)).then(TicketReopened, TicketAccepted)
    chiefs_only = policies(reopen_who="supervisor")
    over.when(reopen(ANA, policy=chiefs_only)).then_refused(refusals.ForbiddenError)
    over.when(reopen(SUPERVISOR, policy=chiefs_only)).then(TicketReopened, TicketAccepted)


def test_a_ticket_closed_too_long_ago_stays_closed_even_for_supervisors() -> None:
    limited = replace(policies(), reopen_limit_days=7)
    over = ticket.given(*OVER)
    over.when(reopen(at=after(days=7), policy=limited)).then(TicketReopened, TicketAccepted)
    late = reopen(SUPERVISOR, at=after(days=7, seconds=1), policy=limited)
    over.when(late).then_refused(refusals.ReopenLimitPassedError)


def test_a_customer_reopens_into_the_queue_in_their_own_name() -> None:
    asked = ReopenByInbound(last_owner=ANA, at=AT, policies=policies())
    event = ticket.given(*OVER).when(asked).then(TicketReopened)[0]
    assert isinstance(event, TicketReopened)
    assert (event.by, event.lifecycle) == (CONTACT, "waiting")


def test_no_version_is_attended_by_nobody() -> None:
    state = ticket.folded([*OVER, reopened("attending")])
    assert (state.lifecycle, state.owner_id) == (Lifecycle.WAITING, None)
