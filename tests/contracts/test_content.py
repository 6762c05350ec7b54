"""Content is one language: flat classes, and the nested form of what is published and stored."""

import builtins
import types
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from shared.contracts.content import (
    CONTENT,
    MEDIA_LIMITS,
    SENDABLE,
    BaseContent,
    Content,
    Media,
    MediaRefusedError,
    PublishedContent,
    Unsupported,
    check_media,
    from_published,
    to_published,
    type_for_file,
)

KINDS: tuple[type[BaseContent], ...] = get_args(get_args(Content)[0])
SAID: TypeAdapter[Content] = TypeAdapter(Content)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON_OBJECTS = st.dictionaries(WORDS, st.none() | st.booleans() | WORDS | st.lists(WORDS))


def any_of(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {name: values(field.annotation) for name, field in kind.model_fields.items()}
    return st.builds(kind, **fields)


def values(shape: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401, PLR0911  a table of annotations
    """Anything that JSON can carry in a field of this type."""
    parts = get_args(shape)
    match get_origin(shape) or shape:
        case builtins.list:
            return st.lists(values(parts[0]), max_size=3)
        case builtins.dict:
            return JSON_OBJECTS
        case builtins.str:
            return WORDS
        case builtins.float:
            return st.floats(allow_nan=False, allow_infinity=False)
        case types.UnionType:
            return st.one_of([values(part) for part in parts])
        case type() as kind if issubclass(kind, BaseModel):
            return any_of(kind)
        case _:
            return st.from_type(shape)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_the_nested_form_gives_the_class_back(kind: type[BaseContent], data: st.DataObject) -> None:
    content = data.draw(any_of(kind))
    published = to_published(content)
    written = PublishedContent.model_validate_json(published.model_dump_json())
    assert from_published(written) == content
    assert SAID.validate_json(content.model_dump_json()) == content


def test_every_type_is_in_the_union_once() -> None:
    assert len(CONTENT) == len(KINDS)
    assert set(SENDABLE) < set(CONTENT)


def test_what_a_newer_version_wrote_is_kept_as_unsupported() -> None:
    newer = PublishedContent(type="poll", text="Hoje?", details={"options": ["sim", "não"]})
    content = from_published(newer)
    assert isinstance(content, Unsupported)
    assert (content.original_type, content.kept) == ("poll", newer.model_dump(exclude_none=True))


def test_what_lacks_its_fields_is_kept_too() -> None:
    content = from_published(PublishedContent(type="image", text="rota"))
    assert content == Unsupported(original_type="image", kept={"type": "image", "text": "rota"})


@pytest.mark.parametrize(
    ("mime_type", "size", "reason"),
    [
        ("image/png", 5 * 1024 * 1024, None),
        ("image/png", 5 * 1024 * 1024 + 1, "file_too_large"),
        ("image/gif", 1, "file_type"),
        ("application/pdf", 1, "file_type"),
    ],
)
def test_meta_takes_only_some_files(mime_type: str, size: int, reason: str | None) -> None:
    if reason is None:
        check_media("image", mime_type, size)
        return
    with pytest.raises(MediaRefusedError) as refused:
        check_media("image", mime_type, size)
    assert (refused.value.field, refused.value.reason) == ("media_id", reason)


def test_a_file_is_sent_as_one_type_which_carries_media() -> None:
    for content_type, limit in MEDIA_LIMITS.items():
        assert "media" in SENDABLE[content_type].model_fields
        assert {type_for_file(each) for each in limit.mime_types} == {content_type}
    carrying = {name for name, kind in SENDABLE.items() if "media" in kind.model_fields}
    assert carrying == set(MEDIA_LIMITS)
    assert type_for_file("image/gif") is None


def test_new_fields_of_a_file_are_left_out_where_they_say_nothing() -> None:
    assert set(Media(id="901").model_dump()) == {"id", "mime_type", "sha256", "url"}
