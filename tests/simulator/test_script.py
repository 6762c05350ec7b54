"""Is the script of a check the same each time, as large as asked, and its oracle strict?"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.simulator.customers.plan import (
    Plan,
    by_conversation,
    differences,
    expected_messages,
    is_courtesy,
)
from deploy.simulator.customers.script import script
from deploy.simulator.signing import escaped
from tests.simulator.conftest import FIRST, SECOND

NUMBERS = (FIRST, SECOND)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return script(7, NUMBERS)


def found(plan: Plan) -> dict[tuple[str, str], list[str]]:
    """What a system without fault would hold."""
    expected = expected_messages(plan.webhooks)
    return {where: [each.wamid for each in members] for where, members in expected.items()}


def test_the_same_seed_gives_the_same_plan_and_another_another(plan: Plan) -> None:
    assert script(7, NUMBERS) == plan
    assert script(8, NUMBERS) != plan


def test_a_plan_does_not_depend_on_the_hash_seed() -> None:
    program = (
        "from hashlib import sha256\n"
        "from deploy.simulator.customers.script import script\n"
        "from deploy.simulator.shapes import Number\n"
        f"print(sha256(repr(script(7, {NUMBERS!r})).encode()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": str(hash_seed)},
        ).stdout
        for hash_seed in (1, 2)
    }
    assert len(outputs) == 1


def test_sixty_customers_on_two_connections_write_a_thousand_webhooks(plan: Plan) -> None:
    assert len(plan.people) == len({person.key for person in plan.people}) == 60
    assert {webhook.conversation[0] for webhook in plan.webhooks} == {p.key for p in plan.people}
    assert {webhook.conversation[1] for webhook in plan.webhooks} == {
        number.phone_number_id for number in NUMBERS
    }
    assert len({webhook.wamid for webhook in plan.webhooks}) == len(plan.webhooks) == 1000
    assert Counter(webhook.copies for webhook in plan.webhooks) == {1: 930, 2: 50, 3: 20}
    assert plan.deliveries == 1090


def test_there_are_albums_reactions_and_customers_without_phone(plan: Plan) -> None:
    types = Counter(webhook.line.type for webhook in plan.webhooks)
    assert set(types) >= {"text", "image", "audio", "sticker", "location", "contacts", "document"}
    assert set(types) >= {"order", "unsupported", "reaction"}
    bursts = Counter((webhook.conversation, webhook.burst) for webhook in plan.webhooks)
    assert max(bursts.values()) >= 4
    assert any(person.phone is None for person in plan.people)
    assert any(person.user_id is None for person in plan.people)


def test_a_conversation_begins_with_a_message_and_its_bursts_count_up(plan: Plan) -> None:
    for members in by_conversation(plan.webhooks).values():
        assert members[0].line.says_something
        bursts = [webhook.burst for webhook in members]
        assert bursts == sorted(bursts)
        assert set(bursts) == set(range(max(bursts) + 1))


def test_texts_are_one_of_a_kind(plan: Plan) -> None:
    texts = [webhook.line.text for webhook in plan.webhooks if webhook.line.text]
    assert len(set(texts)) == len(texts)


def test_each_body_is_an_envelope_with_its_own_message(plan: Plan) -> None:
    for webhook in plan.webhooks:
        [entry] = json.loads(escaped(webhook.body))["entry"]
        [message] = entry["changes"][0]["value"]["messages"]
        assert message["id"] == webhook.wamid
        assert message["type"] == webhook.line.type


def test_every_conversation_has_one_reply_after_closing_some_of_them_courtesies(
    plan: Plan,
) -> None:
    replied = [webhook.conversation for webhook in plan.after_closing]
    assert sorted(replied) == sorted(by_conversation(plan.webhooks))
    polite = [webhook for webhook in plan.after_closing if is_courtesy(webhook)]
    assert 0 < len(polite) < len(replied)


def test_another_run_tells_the_same_story_of_other_people(plan: Plan) -> None:
    again = script(7, NUMBERS, run="second")
    assert [webhook.line.text for webhook in again.webhooks] == [
        webhook.line.text for webhook in plan.webhooks
    ]
    assert not {w.wamid for w in again.webhooks} & {w.wamid for w in plan.webhooks}
    assert not {p.key for p in again.people} & {p.key for p in plan.people}


def test_the_oracle_accepts_what_is_right(plan: Plan) -> None:
    assert list(differences(plan.webhooks, found(plan))) == []


def test_the_oracle_allows_any_order_inside_an_album(plan: Plan) -> None:
    actual = found(plan)
    where, members = next(
        (where, members)
        for where, members in expected_messages(plan.webhooks).items()
        if members[1].burst == members[0].burst
    )
    actual[where] = [members[1].wamid, members[0].wamid, *actual[where][2:]]
    assert list(differences(plan.webhooks, actual)) == []


def losing(wamids: list[str]) -> list[str]:
    return wamids[1:]


def doubling(wamids: list[str]) -> list[str]:
    return [*wamids, wamids[-1]]


def inventing(wamids: list[str]) -> list[str]:
    return [*wamids, "wamid.other"]


def reversing(wamids: list[str]) -> list[str]:
    return wamids[::-1]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (losing, "is missing"),
        (doubling, "is there 2 times"),
        (inventing, "was never written here"),
        (reversing, "out of order"),
    ],
)
def test_the_oracle_sees_loss_doubles_strangers_and_disorder(
    plan: Plan, spoil: Callable[[list[str]], list[str]], complaint: str
) -> None:
    actual = found(plan)
    where = next(iter(actual))
    actual[where] = spoil(actual[where])
    complaints = list(differences(plan.webhooks, actual))
    assert len(complaints) == 1
    assert complaint in complaints[0]


def test_a_conversation_of_reactions_only_expects_nothing(plan: Plan) -> None:
    reaction = next(each for each in plan.webhooks if not each.line.says_something)
    alone = replace(reaction, conversation=("nobody", FIRST.phone_number_id))
    assert expected_messages([alone]) == {}
