"""The page of features is what the stories say now."""

from tests.docs import features


def test_the_page_is_what_the_stories_say_now() -> None:
    assert features.FILE.read_text(encoding="utf-8") == features.text(), "stale: run make docs"


def test_a_feature_is_told_once() -> None:
    told = [feature for feature, _ in features.stories()]
    assert len(set(told)) == len(told)
