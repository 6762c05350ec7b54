"""How is a menu shown, and which of its options was meant (bots.md, session rules 6 and 7)?"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.bot.domain.flow import Menu, Option
from services.bot.domain.folding import fold
from shared.contracts.outbound import (
    Button,
    ButtonsContent,
    ListContent,
    ListRow,
    ListSection,
    TextContent,
)
from shared.contracts.ticket_commands import SayContent

MOST_BUTTONS: Final = 3
MOST_ROWS: Final = 10
LONGEST_BUTTON: Final = 20
LONGEST_ROW: Final = 24
_NUMBER: Final = re.compile(r"([0-9]{1,2})\s*[.)\-]?")


@dataclass(frozen=True, slots=True)
class Tap:
    """An id of ours that came back."""

    session_id: UUID
    step: int
    option: str


def tap_id(session_id: UUID, step: int, option: str) -> str:
    """The id of a button or row: `<session>:<step>:<option>`."""
    return f"{session_id}:{step}:{option}"


def read_tap(text: str) -> Tap | None:
    """The tap of an id, or None when it is none of ours."""
    session, _, rest = text.partition(":")
    step, _, option = rest.partition(":")
    try:
        return Tap(UUID(session), int(step), option) if option else None
    except ValueError:
        return None


def shape(menu: Menu) -> str:
    """`buttons`, `list` or `text`: what holds the options."""
    titles = max(len(option.title) for option in menu.options)
    described = any(option.description for option in menu.options)
    count = len(menu.options)
    if menu.as_text or count > MOST_ROWS or titles > LONGEST_ROW:
        return "text"
    if count <= MOST_BUTTONS and titles <= LONGEST_BUTTON and not described:
        return "buttons"
    return "list"


def content(menu: Menu, text: str, session_id: UUID, step: int) -> SayContent:
    """What is said: the text, already with its values, and the options."""
    kind = shape(menu)
    ids = [tap_id(session_id, step, option.id) for option in menu.options]
    if kind == "text":
        return TextContent(text=numbered(menu, text))
    if kind == "buttons":
        buttons = [
            Button(id=id_, title=option.title)
            for id_, option in zip(ids, menu.options, strict=True)
        ]
        return ButtonsContent(text=text, footer=menu.footer, buttons=buttons)
    rows = [
        ListRow(id=id_, title=option.title, description=option.description)
        for id_, option in zip(ids, menu.options, strict=True)
    ]
    sections = [ListSection(rows=rows)]
    return ListContent(text=text, footer=menu.footer, button=menu.button, sections=sections)


def numbered(menu: Menu, text: str) -> str:
    """The menu as a text, for who can tap nothing."""
    lines = [f"{number} - {option.title}" for number, option in enumerate(menu.options, start=1)]
    return "\n".join([text, "", *lines, *([menu.footer] if menu.footer else [])])


def choose(menu: Menu, text: str) -> Option | None:
    """The option meant: by number, exact, folded, the only one that begins so, a synonym."""
    said = text.strip()
    if found := _NUMBER.fullmatch(said):
        number = int(found[1])
        if 1 <= number <= len(menu.options):
            return menu.options[number - 1]
    exact = [option for option in menu.options if option.title == said]
    folded = fold(said)
    if not exact and not folded:
        return None
    candidates = (
        exact,
        [option for option in menu.options if fold(option.title) == folded],
        [option for option in menu.options if fold(option.title).startswith(folded)],
        [option for option in menu.options if folded in {fold(word) for word in option.synonyms}],
    )
    return next((found[0] for found in candidates if len(found) == 1), None)
