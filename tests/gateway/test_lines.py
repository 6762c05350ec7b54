"""What a line of the history says to an agent."""

from uuid import UUID

import pytest

from services.gateway.domain.cards import Names, TimelineLine
from shared.contracts.inbox import TimelineItem
from tests.gateway.rows import ANA, NOON


def a_line(type_: str, details: dict[str, object] | None) -> TimelineLine:
    item = TimelineItem.model_validate(
        {
            "id": UUID(int=1),
            "ticket_id": UUID(int=2),
            "conversation_id": UUID(int=3),
            "at": NOON,
            "kind": "happening",
            "type": type_,
            "details": details,
            "author_kind": "bot",
            "author_id": ANA,
            "position": "1.1",
        }
    )
    return Names(lambda _: "Ana", lambda _: None).line(item)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("customer_asked", "O cliente pediu para falar com uma pessoa."),
        ("node", "O bot passou o atendimento para a equipe."),
        ("of tomorrow", None),
    ],
)
def test_why_a_ticket_was_queued_is_said_in_words(reason: str, words: str | None) -> None:
    line = a_line("ticket_queued", {"reason": reason})
    assert (line.label, line.details) == (words, {"reason": reason})


@pytest.mark.parametrize("details", [None, {"reason": "node"}])
def test_no_other_line_has_such_words(details: dict[str, object] | None) -> None:
    line = a_line("flow_session_ended", details)
    assert line.label is None
    assert line.author is not None
    assert line.author.name == "Ana"
