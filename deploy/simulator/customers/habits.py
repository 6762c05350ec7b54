"""How does a customer answer a menu? A tap, the number, the title as people type it, or nothing."""

import unicodedata
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

from deploy.simulator import contents
from deploy.simulator.choices import Choice, Menu, tap
from deploy.simulator.customers.lines import Line, line

Habit = Literal["tap", "number", "title", "old_menu", "nonsense", "silence"]
_PATIENCE: Final = 6  # menus of one visit that are answered: nobody goes round for ever
_NONSENSE: Final = 2  # answers that match nothing, before somebody gives in and taps


@dataclass(frozen=True, slots=True)
class Menus:
    """The menus that a customer has seen in this visit."""

    count: int = 0
    first: Menu | None = None  # who has the habit scrolls back to it, once
    scrolled_back: bool = False

    def and_then(self, menu: Menu) -> "Menus":
        """One more."""
        return replace(self, count=self.count + 1, first=self.first or menu)


def answer_menu(habit: Habit, menu: Menu, before: Menus, chance: Random) -> Line | None:
    """What is written because of a menu; None: nothing."""
    if habit == "silence" or before.count >= _PATIENCE:
        return None
    position = chance.randrange(len(menu.choices))
    choice = menu.choices[position]
    if habit == "nonsense" and before.count < _NONSENSE:
        return line("nonsense", chance)
    if habit == "number":
        return _said(str(position + 1))
    return _said(folded(choice.title)) if habit == "title" else _tapped(menu, choice)


def scroll_back(habit: Habit, before: Menus, chance: Random) -> Line | None:
    """The next message after the first menu moves them to tap that menu once more, or nothing."""
    if habit != "old_menu" or before.first is None or before.scrolled_back:
        return None
    return _tapped(before.first, chance.choice(before.first.choices))


def folded(title: str) -> str:
    """A title as people type it: in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", title.lower())
    return "".join(each for each in plain if not unicodedata.combining(each)).strip()


def _tapped(menu: Menu, choice: Choice) -> Line:
    return Line("interactive", tap(menu, choice), choice.title)


def _said(text: str) -> Line:
    return Line("text", contents.text(text), text)
