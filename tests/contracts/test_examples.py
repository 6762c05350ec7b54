"""Every type has an example that a reader understands and a writer writes again."""

import json
from pathlib import Path

import pytest

import shared.contracts
from shared.contracts.envelope import Message
from tests.contracts.registries import REGISTRIES, TYPES

EXAMPLES = Path(shared.contracts.__file__).with_name("examples")


def test_every_type_has_an_example_and_every_example_a_type() -> None:
    assert {path.name.removesuffix(".json") for path in EXAMPLES.iterdir()} == set(TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_example_survives_a_round_trip(name: str) -> None:
    written = (EXAMPLES / f"{name}.json").read_bytes()
    again = TYPES[name].read(written).body()
    assert json.loads(again) == json.loads(written)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_example_shows_every_field(name: str) -> None:
    written = json.loads((EXAMPLES / f"{name}.json").read_bytes())
    assert set(written) == set(TYPES[name].model_fields)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_field_of_a_newer_producer_is_ignored(name: str) -> None:
    written = json.loads((EXAMPLES / f"{name}.json").read_bytes())
    newer = json.dumps({**written, "added_next_year": {"a": 1}}).encode()
    assert json.loads(TYPES[name].read(newer).body()) == written


def test_a_type_is_named_after_the_first_word_of_its_topic_and_its_version() -> None:
    for topic, types in REGISTRIES.items():
        for name, kind in types.items():
            assert name == f"{topic.partition('.')[0]}.{kind.__name__}.v1"


def test_every_message_stands_in_a_registry() -> None:
    assert {kind.TYPE for kind in _concrete(Message)} == set(TYPES)


def _concrete(base: type[Message]) -> set[type[Message]]:
    ours = {kind for kind in base.__subclasses__() if kind.__module__.startswith("shared.")}
    below = {found for kind in ours for found in _concrete(kind)}
    return {kind for kind in ours if "TYPE" in vars(kind)} | below
