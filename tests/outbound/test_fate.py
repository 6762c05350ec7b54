"""Answers and statuses in any order give each fact once, and one fate."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.outbound.domain import fate
from services.outbound.domain.queue_row import QueueRow, State, Told
from shared.contracts.inbound import (
    Status,
    StatusDelivered,
    StatusFailed,
    StatusPlayed,
    StatusRead,
    StatusSent,
    StatusUnknown,
)
from shared.contracts.outbound import (
    Fate,
    MessageAccepted,
    MessageCancelled,
    MessageDelivered,
    MessageFailed,
    MessageOutcomeUnknown,
    MessageSent,
)
from tests.outbound.samples import AT, a_row, a_status

HASH = b"hash"
SOON = timedelta(seconds=1)


def told(row: QueueRow, *kinds: type[Status], code: int = 131026) -> tuple[QueueRow, list[Fate]]:
    facts: list[Fate] = []
    for kind in kinds:
        status = a_status(kind, row.message_id, "wamid.1", code=code if kind is StatusFailed else 0)
        change = fate.told(row, status, HASH)
        row = change.row
        facts.extend(change.facts)
    return row, facts


def types(facts: list[Fate]) -> list[type[Fate]]:
    return [type(fact) for fact in facts]


def test_a_status_before_the_answer_accepts_and_the_answer_then_says_nothing() -> None:
    row, facts = told(a_row(), StatusSent)
    assert types(facts) == [MessageAccepted, MessageSent]
    assert row.state is State.ACCEPTED
    answer = fate.accepted(row, "wamid.1", HASH, AT)
    assert answer == fate.Change(row)


def test_an_unknown_send_is_settled_by_its_status_only() -> None:
    unknown = fate.unknown(a_row(), "timeout", AT)
    assert unknown.row.state is State.UNKNOWN
    assert types(list(unknown.facts)) == [MessageOutcomeUnknown]
    assert fate.again(unknown.row, AT, SOON, "x", refused_by_meta=False).row.state is State.UNKNOWN
    row, facts = told(unknown.row, StatusDelivered)
    assert row.state is State.ACCEPTED
    assert types(facts) == [MessageAccepted, MessageDelivered]


def test_a_status_we_do_not_know_is_a_proof_all_the_same() -> None:
    row, facts = told(a_row(State.QUEUED), StatusUnknown)
    assert (row.state, types(facts)) == (State.ACCEPTED, [MessageAccepted])


def test_a_refusal_by_answer_and_by_status_is_told_once() -> None:
    refused = fate.refused(a_row(), "undeliverable", (), AT)
    assert types(list(refused.facts)) == [MessageFailed]
    row, facts = told(refused.row, StatusFailed)
    assert (row.state, facts) == (State.REFUSED, [])


def test_failed_is_final_only_below_delivered() -> None:
    row, facts = told(a_row(), StatusSent, StatusFailed)
    assert row.state is State.REFUSED
    assert types(facts) == [MessageAccepted, MessageSent, MessageFailed]
    assert isinstance(facts[-1], MessageFailed)
    assert facts[-1].reason == "undeliverable"
    assert told(a_row(), StatusDelivered, StatusFailed)[0].state is State.ACCEPTED


def test_what_a_status_has_settled_no_late_answer_undoes() -> None:
    row, _ = told(a_row(), StatusSent)
    assert fate.refused(row, "invalid", (), AT).row == row
    assert fate.unknown(row, "cut", AT).row == row
    assert fate.again(row, AT, SOON, "connect", refused_by_meta=False).row == row


def test_two_wamids_for_one_message_are_an_alarm() -> None:
    row, _ = told(a_row(), StatusSent)
    assert fate.accepted(row, "wamid.2", b"another", AT).second_wamid
    status = a_status(StatusSent, row.message_id, "wamid.2")
    assert fate.told(row, status, b"another").second_wamid


def test_what_is_queued_is_taken_back_once() -> None:
    change = fate.cancelled(a_row(State.QUEUED), "session_ended", AT)
    (told_of,) = change.facts
    assert isinstance(told_of, MessageCancelled)
    assert (told_of.reason, change.row.state) == ("session_ended", State.CANCELLED)
    assert fate.cancelled(change.row, "another", AT) == fate.Change(change.row)


def test_what_is_under_way_is_taken_back_only_when_its_attempt_comes_to_nothing() -> None:
    wished = fate.cancelled(a_row(State.SENDING), "session_ended", AT)
    assert (wished.row.state, wished.facts) == (State.SENDING, ())
    refused = fate.again(wished.row, AT, SOON, "1", refused_by_meta=True)
    assert (refused.row.state, types(list(refused.facts))) == (State.CANCELLED, [MessageCancelled])
    assert fate.accepted(wished.row, "wamid.1", HASH, AT).row.state is State.ACCEPTED
    assert fate.unknown(wished.row, "cut", AT).row.state is State.UNKNOWN


def test_only_an_unknown_send_is_given_up_and_a_proof_wins() -> None:
    change = fate.given_up(a_row(State.UNKNOWN), AT)
    (told_of,) = change.facts
    assert isinstance(told_of, MessageFailed)
    assert (told_of.reason, change.row.state) == ("given_up", State.REFUSED)
    assert told(change.row, StatusDelivered)[0].state is State.ACCEPTED
    for state in (State.QUEUED, State.SENDING, State.ACCEPTED, State.CANCELLED):
        row = a_row(state)
        assert fate.given_up(row, AT) == fate.Change(row)


def test_what_is_settled_is_not_taken_back() -> None:
    for state in (State.ACCEPTED, State.REFUSED, State.UNKNOWN, State.DEAD):
        row = a_row(state)
        assert fate.cancelled(row, "session_ended", AT) == fate.Change(row)


KINDS = st.sampled_from([StatusSent, StatusDelivered, StatusRead, StatusPlayed, StatusFailed])
ANSWERS = st.sampled_from(["accepted", "refused", "unknown", "again", "cancelled"])
STEPS = st.lists(KINDS | ANSWERS, max_size=12)


@given(STEPS)
def test_in_any_order_each_fact_comes_once_and_a_proof_is_final(steps: list[object]) -> None:
    row, facts, proven = a_row(), list[Fate](), False
    for step in steps:
        match step:
            case "accepted":
                change = fate.accepted(row, "wamid.1", HASH, AT)
            case "refused":
                change = fate.refused(row, "invalid", (), AT)
            case "unknown":
                change = fate.unknown(row, "cut", AT)
            case "again":
                change = fate.again(row, AT, SOON, "connect", refused_by_meta=False)
            case "cancelled":
                change = fate.cancelled(row, "session_ended", AT)
            case type():
                change = fate.told(row, a_status(step, row.message_id, "wamid.1"), HASH)
            case _:
                raise AssertionError(step)
        row = change.row
        facts.extend(change.facts)
        proven = proven or row.wamid_hash is not None
        if proven:
            assert row.state in {State.ACCEPTED, State.REFUSED}
            assert row.state is State.ACCEPTED or Told.FAILED in row.told
    assert len(set(types(facts))) == len(facts)
    assert (MessageAccepted in types(facts)) == proven
