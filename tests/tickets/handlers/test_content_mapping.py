"""Content is stored and read back as the class that was said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter

from services.tickets.domain.content import Content
from services.tickets.handlers.content_mapping import from_stored, to_stored
from shared.contracts.content import BaseContent, Unsupported
from tests.contracts.test_content import KINDS, any_of

STORED = TypeAdapter(Content)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(deadline=None)  # the first example builds the strategies
@given(data=st.data())
def test_what_was_said_survives_the_store(kind: type[BaseContent], data: st.DataObject) -> None:
    content = data.draw(any_of(kind))
    stored = STORED.validate_json(STORED.dump_json(to_stored(content)))
    assert from_stored(stored) == content
    assert stored.text == content.readable()
    assert stored.is_free_form


def test_a_stored_type_that_nobody_knows_is_kept_as_unsupported() -> None:
    content = from_stored(Content("poll", "Hoje?", details={"options": ["sim"]}))
    kept: dict[str, JsonValue] = {"type": "poll", "text": "Hoje?", "details": {"options": ["sim"]}}
    assert content == Unsupported(original_type="poll", kept=kept)


@pytest.mark.parametrize(("text", "preview"), [("Oi", "Oi"), (None, "[audio]")])
def test_a_preview_is_the_text_or_the_type(text: str | None, preview: str) -> None:
    assert Content("audio", text).preview == preview
