"""`random_split` divides by weights; the same ids choose the same branch."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid5

import pytest
from pydantic import ValidationError

from services.bot.adapters.evaluators import EVALUATORS
from services.bot.domain.events import NodeEntered
from services.bot.domain.flow import Flow
from services.bot.domain.inputs import Begun, Replied
from services.bot.domain.nodes import Message, RandomSplit
from services.bot.domain.session import rebuilt
from services.bot.domain.step import start, step
from services.bot.domain.validate import faults
from tests.bot.talking import NOON, STARTED, Named, Talk, a_flow, altered, node

SPLIT = node(
    RandomSplit,
    id="split",
    branches=[{"weight": 70, "next": "a", "output": "new"}, {"weight": 30, "next": "b"}],
)
WAYS = tuple(node(Message, id=id_, text="Oi", next="people") for id_ in ("a", "b"))


def chosen(split: Named, *, contact: int = 1, session: int = 1) -> str:
    """Where a session goes that begins at the split."""
    flow = a_flow(split, *WAYS)
    given = replace(
        STARTED,
        contact_id=uuid5(UUID(int=1), str(contact)),
        session_id=uuid5(UUID(int=2), str(session)),
    )
    begun = step(flow, start(flow, given, NOON).session, Begun(), NOON, EVALUATORS)
    return begun.session.path[1]


def test_it_divides_by_the_weights() -> None:
    found = Counter(chosen(SPLIT, contact=number) for number in range(2000))
    assert found.total() == 2000
    assert 0.66 < found["a"] / 2000 < 0.74


def test_a_contact_always_goes_the_same_way() -> None:
    for contact in range(20):
        assert len({chosen(SPLIT, contact=contact, session=number) for number in range(20)}) == 1


def test_two_splits_of_a_flow_divide_independently() -> None:
    other = altered(SPLIT, id="other")
    pairs = {(chosen(SPLIT, contact=n), chosen(other, contact=n)) for n in range(200)}
    assert pairs == {("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")}


def test_each_session_is_divided_anew_where_it_is_not_sticky() -> None:
    split = altered(SPLIT, sticky=False)
    assert {chosen(split, session=number) for number in range(100)} == {"a", "b"}


def test_each_visit_is_divided_anew_where_it_is_not_sticky() -> None:
    branches = [{"weight": 1, "next": "a"}, {"weight": 1, "next": "b"}]
    split = node(RandomSplit, id="split", branches=branches, sticky=False)
    ways = [altered(way, next="split") for way in WAYS]
    assert set(Talk(a_flow(split, *ways)).done().path) >= {"a", "b"}


@pytest.mark.parametrize("sticky", [True, False])
def test_a_step_that_is_taken_again_chooses_the_same(*, sticky: bool) -> None:
    """By a process that has only the stored events."""
    hello = node(Message, id="hello", text="Oi", next="split")
    talk = Talk(a_flow(hello, altered(SPLIT, sticky=sticky), *WAYS))
    again = rebuilt(talk.events)
    assert again is not None
    reply = Replied(command_id=talk.session.pending[0])
    once, twice = (step(talk.flow, each, reply, NOON, EVALUATORS) for each in (talk.session, again))
    assert once == twice
    assert once.session.path[1] == "split"


def test_the_output_is_told() -> None:
    event = Talk(a_flow(SPLIT, *WAYS)).told(NodeEntered)[-1]
    assert (event.node, event.by_output) in {("a", "new"), ("b", "branch_2")}


def faults_of(flow: Flow) -> Iterator[str]:
    return (str(fault) for fault in faults(flow, evaluators=EVALUATORS, sectors=None))


def test_what_is_wrong_names_the_branch() -> None:
    gone = altered(SPLIT, branches=[{"next": "a"}, {"next": "gone"}])
    found = list(faults_of(a_flow(gone, *WAYS)))
    assert "nodes.split.branches.1.next: there is no node gone" in found
    twice = altered(SPLIT, branches=[{"next": "a", "output": "x"}, {"next": "b", "output": "x"}])
    assert "nodes.split.branches.1.output: stands twice" in faults_of(a_flow(twice, *WAYS))


@pytest.mark.parametrize("weight", [0, -1, 1001, "half"])
def test_a_weight_is_a_number_above_zero(weight: object) -> None:
    with pytest.raises(ValidationError, match=r"branches\.0\.weight"):
        altered(SPLIT, branches=[{"next": "a", "weight": weight}, {"next": "b"}])
