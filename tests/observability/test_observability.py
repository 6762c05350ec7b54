"""Every alert and every panel asks for what the processes export, and says what to do."""

import json
import re
import shutil
import subprocess
from typing import Any, NamedTuple

import pytest
import yaml

from tests.observability.exported import ROOT, TARGET_LABELS, exported
from tests.observability.expressions import UnknownFunctionError, asked, balanced

PLACE = ROOT / "deploy" / "observability"
RULES = PLACE / "prometheus" / "rules.yaml"
PROMTOOL = shutil.which("promtool")


class Question(NamedTuple):
    """An expression, the labels that its text shows, and where it stands."""

    where: str
    expression: str
    shown: frozenset[str]


def _alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _questions() -> list[Question]:
    found = [
        Question(
            rule["alert"],
            rule["expr"],
            frozenset(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])),
        )
        for rule in _alerts()
    ]
    for panel in json.loads((PLACE / "grafana" / "guiche.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            shown = frozenset(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            found.append(Question(panel["title"], target["expr"], shown))
    return found


EXPORTED = exported()
QUESTIONS = _questions()
each_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.where)
each_alert = pytest.mark.parametrize("rule", _alerts(), ids=lambda rule: rule["alert"])


@each_question
def test_what_is_asked_for_is_exported(question: Question) -> None:
    found = asked(question.expression)
    assert found.series
    assert set(found.series) - set(EXPORTED) == set()
    for name, labels in found.series.items():
        assert labels - EXPORTED[name] - TARGET_LABELS == set(), name


@each_question
def test_labels_that_are_grouped_by_or_shown_exist(question: Question) -> None:
    found = asked(question.expression)
    known = TARGET_LABELS.union(*(EXPORTED[name] for name in found.series))
    assert found.grouped - known == set()
    left = found.grouped if "by (" in question.expression else known
    assert question.shown - left == set()


@each_question
def test_brackets_are_closed(question: Question) -> None:
    assert balanced(question.expression)


@each_alert
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert set(rule["annotations"]) == {"summary", "action", "runbook"}
    assert all(text.strip() for text in rule["annotations"].values())


def test_what_is_not_exported_or_not_closed_is_seen() -> None:
    found = asked('sum by (topic) (rate(guiche_published_total{tpic="a"}[5m])) > guiche_publishd')
    assert found.series == {"guiche_published_total": {"tpic"}, "guiche_publishd": frozenset()}
    assert found.grouped == {"topic"}
    assert "guiche_publishd" not in EXPORTED
    assert EXPORTED["guiche_published_total"] == {"topic"}
    assert not balanced("sum(rate(a[5m])")
    with pytest.raises(UnknownFunctionError):
        asked("summ(guiche_parked)")


def test_the_processes_that_the_example_scrapes_are_the_services() -> None:
    scraped = yaml.safe_load((PLACE / "prometheus" / "prometheus.yaml").read_text())
    (job,) = scraped["scrape_configs"]
    services = {found.parent.name for found in (ROOT / "services").glob("*/README.md")}
    assert {each["labels"]["service"] for each in job["static_configs"]} == services


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed here")
@pytest.mark.parametrize("command", ["check rules rules.yaml", "test rules rules_test.yaml"])
def test_promtool_agrees(command: str) -> None:
    subprocess.run([str(PROMTOOL), *command.split()], cwd=RULES.parent, check=True)
