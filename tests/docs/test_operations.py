"""Runbooks tell of every alert, and of no verb that does not exist."""

import re

import pytest
import yaml

from tests.docs import verbs
from tests.docs.contracts import ROOT
from tests.docs.messages import anchor
from tests.docs.verbs import UnknownVerbError

RULES = ROOT / "deploy" / "observability" / "prometheus" / "rules.yaml"
OPERATIONS = ROOT / "docs" / "operations.md"
PAGES = [
    OPERATIONS,
    RULES,
    ROOT / "README.md",
    ROOT / "examples" / "integrator" / "README.md",
    *sorted((ROOT / "services").glob("*/README.md")),
]
NAMES = [
    rule["alert"]
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
]
USED = sorted({usage for page in PAGES for usage in verbs.named_in(page.read_text())})


def test_the_list_of_verbs_is_what_guiche_says_now() -> None:
    assert verbs.FILE.read_text() == verbs.text(), "stale: run make docs"


def test_every_alert_is_told_of_under_its_name_and_nothing_else_is() -> None:
    told = OPERATIONS.read_text().partition("## Alerts")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", told, re.MULTILINE) == NAMES


def test_every_runbook_leads_to_its_alert() -> None:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            page, _, place = rule["annotations"]["runbook"].partition("#")
            assert (ROOT / page, place) == (OPERATIONS, anchor(rule["alert"]))


def test_alerts_that_a_text_points_to_exist() -> None:
    named = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", OPERATIONS.read_text()))
    assert named - set(NAMES) - {"OpenTelemetry"} == set()


def test_links_lead_somewhere() -> None:
    linked = re.findall(r"\]\(([^#)]+)\)", OPERATIONS.read_text() + verbs.text())
    assert [path for path in linked if not (OPERATIONS.parent / path).exists()] == []


@pytest.mark.parametrize("usage", USED)
def test_a_verb_that_a_page_names_exists(usage: str) -> None:
    for each in _spelled_out(usage):
        verbs.check(each)


@pytest.mark.parametrize(
    "usage", ["parked lst", "doctor --jsn", "lag tickets", "nothing", "relay status --x"]
)
def test_a_verb_that_does_not_exist_is_seen(usage: str) -> None:
    with pytest.raises(UnknownVerbError):
        verbs.check(usage)


def test_a_group_of_verbs_may_be_named() -> None:
    verbs.check("relay")


def _spelled_out(usage: str) -> list[str]:
    """`parked list|show SEQ` names two verbs."""
    words = usage.split()
    for number, word in enumerate(words):
        if "|" in word:
            return [" ".join((*words[:number], one)) for one in word.split("|")]
    return [usage]
