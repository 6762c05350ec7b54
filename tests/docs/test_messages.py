"""The catalogue of messages is what the contracts say now."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.contracts.envelope import Envelope
from shared.plumbing.kafka import to_headers
from tests.contracts.registries import TYPES
from tests.docs import messages
from tests.docs.contracts import fields
from tests.docs.headers import ALWAYS, HEADERS

BARE = Envelope(id="1", type="a.B.v1", source="a", time=datetime(2026, 11, 26, tzinfo=UTC))
FULL = Envelope(
    id="1",
    type="a.B.v1",
    source="a",
    time=BARE.time,
    subject="s",
    account=UUID(int=1),
    position="1.2",
    stream=UUID(int=2),
    version=3,
    causation="c",
    correlation="d",
    actor="agent",
)


def test_the_page_is_what_the_contracts_say_now() -> None:
    assert messages.FILE.read_text() == messages.text(), "stale: run make docs"


def test_every_link_within_the_page_leads_somewhere() -> None:
    page = messages.text()
    headings = {messages.anchor(found) for found in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) - headings == set()


def test_every_link_to_another_file_leads_somewhere() -> None:
    linked = re.findall(r"\]\(([^#)]+)\)", messages.text())
    assert linked
    assert [path for path in linked if not (messages.FILE.parent / path).exists()] == []


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_type_is_told_with_each_of_its_fields(name: str) -> None:
    section = messages.text().partition(f"### {name}\n")[2].partition("\n### ")[0]
    for field in fields(TYPES[name]):
        assert f"| `{field.name}` |" in section
    assert "```json" in section


def test_the_comment_beside_a_field_is_its_note() -> None:
    assert "| `wamid_hash` | string | required | hex HMAC of connection and wamid |" in (
        messages.text()
    )


def test_the_headers_are_those_that_are_written() -> None:
    assert [name for name, _ in to_headers(BARE)] == list(ALWAYS)
    assert [name for name, _ in to_headers(FULL)] == list(HEADERS)
