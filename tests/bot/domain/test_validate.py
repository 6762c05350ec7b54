"""What publishing refuses, one rule at a time; the demo flow passes all of them."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest

from services.bot.adapters.evaluators import EVALUATORS
from services.bot.adapters.files import FlowFileError, read_flow
from services.bot.domain.flow import Flow, json_schema
from services.bot.domain.validate import faults

FLOWS = Path(__file__).parents[3] / "services" / "bot" / "flows"
DEMO = FLOWS / "recepcao.yaml"
SECTORS = {name: UUID(int=n) for n, name in enumerate(("Vendas", "Suporte", "Financeiro"))}
Change = Callable[[dict[str, Any]], None]

GOOD: dict[str, Any] = {
    "key": "good",
    "name": "Good",
    "entry": "hello",
    "variables": {
        "subject": {"max_length": 100},
        "age": {"type": "number"},
        "born": {"type": "date"},
    },
    "defaults": {"refused": "people", "invalid_exhausted": "people", "timeout": "people"},
    "nodes": {
        "hello": {"type": "message", "text": "Olá, {nome|você}", "next": "menu"},
        "menu": {
            "type": "menu",
            "text": "Qual?",
            "timeout": "10m",
            "options": [
                {"id": "a", "title": "Alfa", "next": "ask"},
                {"id": "b", "title": "Beta", "next": "which"},
            ],
        },
        "ask": {"type": "ask", "text": "O quê?", "save_as": "subject", "next": "field"},
        "which": {
            "type": "condition",
            "cases": [{"when": "folded.nome == 'ana'", "next": "bye"}],
            "else": "rest",
        },
        "field": {"type": "set_field", "name": "f", "value": "{subject|x}", "next": "sector"},
        "sector": {"type": "set_sector", "sector": "Vendas", "next": "people"},
        "rest": {"type": "wait", "duration": "1h", "next": "people"},
        "people": {"type": "hand_off"},
        "bye": {"type": "close"},
    },
}


WHEN = "nodes.which.cases.0.when"


def judged(change: Change) -> list[str]:
    changed = deepcopy(GOOD)
    change(changed)
    flow = Flow.model_validate(changed)
    return [str(fault) for fault in faults(flow, evaluators=EVALUATORS, sectors=SECTORS)]


def put(path: str, value: object) -> Change:
    def change(flow: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place: Any = flow
        for parent in parents:
            place = place[int(parent) if isinstance(place, list) else parent]
        place[int(last) if isinstance(place, list) else last] = value

    return change


def when(condition: str) -> Change:
    return put("nodes.which.cases.0.when", condition)


def drop(path: str) -> Change:
    def change(flow: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place: Any = flow
        for parent in parents:
            place = place[parent]
        del place[last]

    return change


def test_a_good_flow_has_no_faults() -> None:
    assert judged(lambda _: None) == []


CASES = [
    (put("entry", "gone"), "entry: there is no node gone"),
    (put("defaults.refused", "gone"), "defaults.refused: there is no node gone"),
    (put("reserved", {"x": "gone"}), "reserved.x: gone is neither a node nor"),
    (put("nodes.hello.next", "gone"), "nodes.hello.next.done: there is no node gone"),
    (put("nodes.hello.next", {"dune": "menu", "done": "menu"}), "nodes.hello.next.dune: the node"),
    (put("nodes.hello.next", {}), "nodes.hello.next.done: leads nowhere"),
    (drop("defaults.refused"), "nodes.hello.next.refused: leads nowhere"),
    (drop("defaults.timeout"), "nodes.menu.next.timeout: leads nowhere"),
    (drop("defaults.invalid_exhausted"), "nodes.ask.next.invalid_exhausted: leads nowhere"),
    (put("nodes.hello.text", "Oi {gone}"), "nodes.hello.text: there is no variable gone"),
    (put("nodes.hello.text", "{nome}"), "nodes.hello.text: may be empty"),
    (put("nodes.field.value", "x{gone}"), "nodes.field.value: there is no variable gone"),
    (put("nodes.field.value", "x" * 1001), "nodes.field.value: may have 1001 characters, 1000"),
    (put("nodes.ask.save_as", "gone"), "nodes.ask.save_as: there is no variable gone"),
    (when("gone == 'x'"), f"{WHEN}: line 1, column 1: undeclared reference to 'gone'"),
    (when("known.gone"), f"{WHEN}: line 1, column 6: undeclared reference to 'known.gone'"),
    (when("folded.age == ''"), f"{WHEN}: line 1, column 7: undeclared reference to 'folded.age'"),
    (when("nome =="), f"{WHEN}: line 1, column 8: Syntax error"),
    (
        when("nome == 3"),
        f"{WHEN}: line 1, column 6: found no matching overload for '_==_'",
    ),
    (
        when("known.age\n&& age > 18"),
        f"{WHEN}: line 2, column 8: found no matching overload for '_>_'",
    ),
    (when("born > '2000'"), f"{WHEN}: line 1, column 6: found no matching overload"),
    (when("nome"), f"{WHEN}: is of type string, not bool"),
    (when("dyn(nome == 'x')"), f"{WHEN}: is of type dyn, not bool"),
    (when("now() > born"), f"{WHEN}: line 1, column 4: undeclared reference to 'now'"),
    (when("[1, 2].exists(x, x > 1)"), f"{WHEN}: line 1, column 15: undeclared reference to 'x'"),
    (when("(" * 100 + "true" + ")" * 100), f"{WHEN}: CANCELLED: Expression recursion limit"),
    (when("true?true:" * 90 + "true"), f"{WHEN}: CANCELLED: Expression recursion limit"),
    (
        put("nodes.which.cases", [{"when": "known.nome", "next": "bye", "output": "o"}] * 2),
        "nodes.which.cases.1.output: stands twice",
    ),
    (put("nodes.which.cases.0.output", "error"), "nodes.which.cases.0.output: stands twice"),
    (put("nodes.which.error", "gone"), "nodes.which.error: there is no node gone"),
    (put("nodes.ask.save_as", "age"), "nodes.ask.save_as: age is of type number, and this is not"),
    (put("nodes.menu.save_as", "age"), "nodes.menu.save_as: age is of type number"),
    (
        put("nodes.sector.sector", "Compras"),
        "nodes.sector.sector: the account has no active sector",
    ),
    (
        put("nodes.people.sector", "Compras"),
        "nodes.people.sector: the account has no active sector",
    ),
    (
        put("nodes.people.unclaimed", {"after": "15m", "then": "message"}),
        "nodes.people.unclaimed.text: belongs to a message, which needs it",
    ),
    (
        put("nodes.people.unclaimed", {"after": "15m", "then": "flow", "text": "Oi"}),
        "nodes.people.unclaimed.text: is not said: the flow speaks for itself",
    ),
    (
        put(
            "nodes.people.unclaimed",
            {"after": "15m", "then": "message", "text": "Oi", "reason": str(UUID(int=9))},
        ),
        "nodes.people.unclaimed.reason: belongs to close",
    ),
    (
        put("nodes.people.unclaimed", {"after": "15m", "then": "close", "text": "Oi {gone}"}),
        "nodes.people.unclaimed.text: there is no variable gone",
    ),
    (
        put("nodes.people.unclaimed", {"after": "15m", "then": "message", "text": "{nome}"}),
        "nodes.people.unclaimed.text: may be empty",
    ),
    (
        put(
            "nodes.people.unclaimed",
            {"after": "15m", "then": "message", "text": "x" * 4090 + "{nome}"},
        ),
        "nodes.people.unclaimed.text: may have 4150 characters, 4096 at most",
    ),
    (put("nodes.menu.text", "x" * 1025), "nodes.menu.text: may have 1025 characters, 1024"),
    (put("nodes.menu.text", "x" * 1020 + "{nome|y}"), "nodes.menu.text: may have 1080 characters"),
    (put("nodes.menu.invalid", ["ok", "x" * 1025]), "nodes.menu.invalid.1: may have 1025"),
    (put("old_taps", {"notice": "x" * 1025}), "nodes.menu.old_taps.notice: may have 1025"),
    (put("nodes.ask.text", "x" * 4080 + "{nome|y}"), "nodes.ask.text: may have 4140 characters"),
    (
        put("nodes.menu.options.1", {"id": "a", "title": "Beta", "next": "which"}),
        "nodes.menu.options.1.id: stands twice",
    ),
    (put("nodes.menu.options.1.title", "álfa"), "nodes.menu.options.1.title: stands twice"),
    (put("nodes.menu.options.1.title", "Menu"), "nodes.menu.options.1: menu is a reserved word"),
    (put("nodes.ask.kind", "regex"), "nodes.ask.pattern: belongs to kind regex"),
    (put("nodes.ask.pattern", "x"), "nodes.ask.pattern: belongs to kind regex"),
    (
        put("nodes.ask", {**GOOD["nodes"]["ask"], "kind": "regex", "pattern": "(?=x)"}),
        "nodes.ask.pattern: is no pattern",
    ),
    (
        put("nodes.ask", {**GOOD["nodes"]["ask"], "kind": "date", "minimum": 1}),
        "nodes.ask.minimum: belongs to text and number",
    ),
    (
        put("nodes.ask", {**GOOD["nodes"]["ask"], "minimum": 2, "maximum": 1}),
        "nodes.ask.minimum: is above the maximum",
    ),
    (put("nodes.alone", {"type": "close"}), "nodes.alone.next: no way leads to this node"),
    (
        put("nodes.rest.next", "rest"),
        "nodes.rest.next: no way leads from here to a hand_off, close or end",
    ),
    (
        put("nodes.hello.next", {"done": "menu", "refused": "hello"}),
        "nodes.hello.next: comes back to itself without a node that waits",
    ),
    (
        put("nodes.sector.next", "field"),
        "nodes.field.next: comes back to itself without a node that waits",
    ),
]


@pytest.mark.parametrize(("change", "fault"), CASES, ids=[fault for _, fault in CASES])
def test_this_is_refused(change: Change, fault: str) -> None:
    found = judged(change)
    assert any(line.startswith(fault) for line in found), found


SHAPES = [
    (put("nodes.hello.colour", "red"), "nodes.hello.message.colour"),
    (put("nodes.menu.footer", "x" * 61), "nodes.menu.menu.footer"),
    (put("nodes.menu.button", "x" * 21), "nodes.menu.menu.button"),
    (
        put("nodes.menu.options.0.description", "x" * 73),
        "nodes.menu.menu.options.0.description",
    ),
    (put("nodes.menu.options.0.id", "Not An Id"), "nodes.menu.menu.options.0.id"),
    (put("nodes.menu.options.0.id", "x" * 65), "nodes.menu.menu.options.0.id"),
    (put("nodes.menu.options", []), "nodes.menu.menu.options"),
    (put("nodes.hello.text", "x" * 4097), "nodes.hello.message.text"),
    (put("nodes.hello.text", "nul \x00"), "nodes.hello.message.text"),
    (put("nodes.rest.duration", "soon"), "nodes.rest.wait.duration"),
    (put("nodes.rest.duration", "31d"), "nodes.rest.wait.duration"),
    (put("nodes.rest.type", "dance"), "nodes.rest"),
    (
        put("nodes.people.unclaimed", {"after": "31d", "then": "close"}),
        "nodes.people.hand_off.unclaimed.after",
    ),
    (
        put("nodes.people.unclaimed", {"after": "1m", "then": "dance"}),
        "nodes.people.hand_off.unclaimed.then",
    ),
    (
        put("nodes.people.unclaimed", {"after": "1m", "then": "close", "reason": "x"}),
        "nodes.people.hand_off.unclaimed.reason",
    ),
    (when("x" * 1001), "nodes.which.condition.cases.0.when"),
    (when(""), "nodes.which.condition.cases.0.when"),
    (
        put("nodes.which.cases.0.when", {"variable": "nome", "equals": "x"}),
        "nodes.which.condition.cases.0.when",
    ),
    (put("variables.age.type", "colour"), "variables.age.type"),
    (put("limits", {"steps_per_input": 101}), "limits.steps_per_input"),
    (drop("entry"), "entry"),
]


@pytest.mark.parametrize(("change", "where"), SHAPES, ids=[where for _, where in SHAPES])
def test_a_wrong_field_is_named_with_its_file(change: Change, where: str, tmp_path: Path) -> None:
    changed = deepcopy(GOOD)
    change(changed)
    path = tmp_path / "flow.yaml"
    path.write_text(json.dumps(changed))
    with pytest.raises(FlowFileError) as refused:
        read_flow(path)
    assert any(line.startswith(f"{path}: {where}") for line in str(refused.value).splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "key: [",
        "key: a\nkey: b",
        "!!python/object/apply:os.system ['true']",
        "just words",
        "\x00",
        "[" * 5000,
        "x: " + "y" * 300_000,
    ],
)
def test_what_is_no_flow_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(text)
    with pytest.raises(FlowFileError, match=str(path)):
        read_flow(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlowFileError, match="No such file"):
        read_flow(tmp_path / "gone.yaml")


def test_yes_and_no_are_words(tmp_path: Path) -> None:
    changed = deepcopy(GOOD)
    changed["nodes"]["ask"] = {"type": "ask", "text": "?", "kind": "yes_no"}
    text = json.dumps(changed).replace('"kind": "yes_no"}', '"kind": yes_no, next: NEXT}')
    path = tmp_path / "flow.yaml"
    path.write_text(text.replace("NEXT", "{yes: field, no: bye}"))
    ask = read_flow(path).nodes["ask"]
    assert ask.edges() == {"yes": "field", "no": "bye"}


@pytest.mark.parametrize(
    ("kind", "variable"), [("number", "age"), ("date", "born"), ("date", "subject")]
)
def test_an_answer_is_kept_as_what_it_is_or_as_text(kind: str, variable: str) -> None:
    ask = {**GOOD["nodes"]["ask"], "kind": kind, "save_as": variable}
    assert judged(put("nodes.ask", ask)) == []


def test_the_demo_flow_is_valid() -> None:
    definition = read_flow(DEMO)
    assert faults(definition, evaluators=EVALUATORS, sectors=SECTORS) == []
    assert set(definition.sector_names().values()) == set(SECTORS)


def test_the_schema_holds_for_what_can_be_read() -> None:
    judge = jsonschema_rs.Draft202012Validator(json_schema())
    assert judge.is_valid(
        read_flow(DEMO).model_dump(mode="json", by_alias=True, exclude_unset=True)
    )
    assert judge.is_valid(GOOD)
    assert not judge.is_valid({**GOOD, "colour": "red"})
    assert not judge.is_valid({**GOOD, "nodes": {"hello": {"text": "Olá"}}})
