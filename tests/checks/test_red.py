"""Are the rules that `make check-red` takes out still where it looks for them?"""

from pathlib import Path

import pytest

from tests.checks.red import RULES, Rule

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_text_of_a_rule_is_in_its_file_once(rule: Rule) -> None:
    assert (ROOT / rule.file).read_text().count(rule.text) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_who_must_notice_is_there(rule: Rule) -> None:
    for test in rule.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()
