"""What can be tapped on a message of the business, and what does a tap say (Cloud API 4)?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from deploy.simulator.json_values import Json, as_list, as_object, as_text

Kind = Literal["button_reply", "list_reply"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A button or a row of a list."""

    kind: Kind
    id: str
    title: str
    description: str | None = None  # of a row


@dataclass(frozen=True, slots=True)
class Menu:
    """The choices of one message, in the order in which they stand on the screen."""

    wamid: str
    display_phone: str  # of the number that sent it
    choices: tuple[Choice, ...]


def choices_of(kind: str, content: object) -> tuple[Choice, ...]:
    """The buttons or rows of a message that was found valid; others have none."""
    shape = (as_object(content) or {}) if kind == "interactive" else {}
    read = _READERS.get(as_text(shape.get("type")) or "")
    return tuple(read(as_object(shape.get("action")) or {})) if read else ()


def tap(menu: Menu, choice: Choice) -> Json:
    """The keys of the message that a tap writes; the context names the message tapped on."""
    reply: Json = {"id": choice.id, "title": choice.title}
    if choice.description is not None:
        reply["description"] = choice.description
    return {
        "context": {"from": menu.display_phone, "id": menu.wamid},
        "interactive": {"type": choice.kind, choice.kind: reply},
    }


def _buttons(action: Json) -> Iterator[Choice]:
    for button in _objects(action.get("buttons")):
        yield _choice("button_reply", as_object(button.get("reply")) or {})


def _rows(action: Json) -> Iterator[Choice]:
    for section in _objects(action.get("sections")):
        for row in _objects(section.get("rows")):
            yield _choice("list_reply", row)


_READERS: Final = {"button": _buttons, "list": _rows}


def _choice(kind: Kind, shape: Json) -> Choice:
    title, description = as_text(shape.get("title")), as_text(shape.get("description"))
    return Choice(kind, as_text(shape.get("id")) or "", title or "", description)


def _objects(value: object) -> Iterator[Json]:
    for each in as_list(value) or ():
        if (shape := as_object(each)) is not None:
            yield shape
