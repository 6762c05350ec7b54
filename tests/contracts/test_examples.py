"""Every type has an example that a reader understands and a writer writes again."""

import json
from pathlib import Path

import pytest

import shared.contracts
from shared.contracts.envelope import Message
from tests.contracts.registries import REGISTRIES, TYPES

EXAMPLES = sorted(Path(shared.contracts.__file__).with_name("examples").iterdir())
"""`<type>.json`, and beside it `<type>.<what it shows>.json`."""


def type_of(path: Path) -> str:
    return ".".join(path.name.split(".")[:3])


def test_every_type_has_an_example_and_every_example_a_type() -> None:
    assert {type_of(path) for path in EXAMPLES} == set(TYPES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_survives_a_round_trip(path: Path) -> None:
    written = path.read_bytes()
    again = TYPES[type_of(path)].read(written).body()
    assert json.loads(again) == json.loads(written)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_the_examples_of_a_type_show_every_field(name: str) -> None:
    written = [json.loads(path.read_bytes()) for path in EXAMPLES if type_of(path) == name]
    kind = TYPES[name]
    assert {field for one in written for field in one} == {*kind.model_fields} - kind.OMITTED


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_field_of_a_newer_producer_is_ignored(path: Path) -> None:
    written = json.loads(path.read_bytes())
    newer = json.dumps({**written, "added_next_year": {"a": 1}}).encode()
    assert json.loads(TYPES[type_of(path)].read(newer).body()) == written


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
