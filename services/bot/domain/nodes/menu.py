"""`menu`: offers options, and finds which one was meant (bots.md, session rules 6 and 7)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from services.bot.domain.faults import LONGEST_BODY, LONGEST_TEXT, Draft, NodeFault, repeated
from services.bot.domain.fields import FilePart, Id, Label
from services.bot.domain.nodes.listening import Listening
from services.bot.domain.step_context import Heard, StepContext
from services.bot.domain.taps import tap_id
from services.bot.texts import pt_br
from shared.contracts.content import (
    Button,
    Buttons,
    ListMenu,
    ListRow,
    ListSection,
    SendableContent,
    Text,
)
from shared.contracts.text_folding import folded

MOST_BUTTONS: Final = 3
MOST_ROWS: Final = 10
LONGEST_BUTTON: Final = 20
LONGEST_ROW: Final = 24
_NUMBER: Final = re.compile(r"([0-9]{1,2})\s*[.)\-]?")


class Option(FilePart):
    """An option of a menu; its id names the output that is followed when it is chosen."""

    id: Id
    title: Label
    description: Annotated[str, Field(min_length=1, max_length=72)] | None = None
    synonyms: tuple[Label, ...] = ()
    next: Id | None = None


class Menu(Listening):
    """Offers options: as buttons (3), a list (10 rows) or numbered text, whichever holds them."""

    type: Literal["menu"] = "menu"
    options: tuple[Option, ...] = Field(min_length=1, max_length=30)
    button: Annotated[str, Field(min_length=1, max_length=20)] = pt_br.SEE_OPTIONS
    footer: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    as_text: bool = False

    OUTPUTS = "the id of each option, `invalid_exhausted`, `timeout`"

    def main_outputs(self) -> Sequence[str]:
        return self.option_ids()

    def edges(self) -> Mapping[str, str]:
        chosen = {option.id: option.next for option in self.options if option.next is not None}
        return {**super().edges(), **chosen}

    def option_ids(self) -> Sequence[str]:
        return [option.id for option in self.options]

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        yield from super().faults(draft)
        yield from repeated("options.{}.id", [option.id for option in self.options])
        yield from repeated("options.{}.title", [folded(option.title) for option in self.options])
        reserved = draft.flow.actions().keys() if self.reserved else set[str]()
        for number, option in enumerate(self.options):
            words = {folded(word) for word in (option.title, *option.synonyms)}
            for word in sorted(words & reserved):
                yield NodeFault(f"options.{number}", f"{word} is a reserved word")

    def hear(self, context: StepContext, heard: Heard) -> str | None:
        option = self._tapped(heard.option) if heard.option else self.choose(heard.text)
        if option is None:
            return self.try_again(context, heard, "unmatched")
        return context.accept(heard, option.id, save_as=self.save_as, value=option.title)

    def prompt(self, context: StepContext, template: str) -> None:
        session = context.session
        ids = [tap_id(session.id, session.step, option.id) for option in self.options]
        context.say(self._content(context.text(template), ids))

    def shown(self, text: str) -> str:
        return self._numbered(text) if self._shape() == "text" else text

    def longest_shown(self) -> int:
        return LONGEST_TEXT if self._shape() == "text" else LONGEST_BODY

    def choose(self, text: str) -> Option | None:
        """The option meant: by number, exact, folded, as the only one that begins so, a synonym."""
        said = text.strip()
        if found := _NUMBER.fullmatch(said):
            number = int(found[1])
            if 1 <= number <= len(self.options):
                return self.options[number - 1]
        candidates = (self._candidates(said, folded(said))) if said else ()
        return next((found[0] for found in candidates if len(found) == 1), None)

    def _candidates(self, said: str, words: str) -> Iterator[list[Option]]:
        """The options that each rule finds, the strictest rule first."""
        yield [option for option in self.options if option.title == said]
        if words:
            titles = [(option, folded(option.title)) for option in self.options]
            yield [option for option, title in titles if title == words]
            yield [option for option, title in titles if title.startswith(words)]
            yield [each for each in self.options if words in {folded(w) for w in each.synonyms}]

    def _tapped(self, id_: str) -> Option | None:
        return next((option for option in self.options if option.id == id_), None)

    def _shape(self) -> Literal["buttons", "list", "text"]:
        """The smallest form that holds the options."""
        longest = max(len(option.title) for option in self.options)
        described = any(option.description for option in self.options)
        count = len(self.options)
        if self.as_text or count > MOST_ROWS or longest > LONGEST_ROW:
            return "text"
        if count <= MOST_BUTTONS and longest <= LONGEST_BUTTON and not described:
            return "buttons"
        return "list"

    def _content(self, text: str, ids: Sequence[str]) -> SendableContent:
        shape = self._shape()
        if shape == "text":
            return Text(text=self._numbered(text))
        shown = list(zip(ids, self.options, strict=True))
        if shape == "buttons":
            buttons = [Button(id=id_, title=option.title) for id_, option in shown]
            return Buttons(text=text, footer=self.footer, buttons=buttons)
        rows = [
            ListRow(id=id_, title=option.title, description=option.description)
            for id_, option in shown
        ]
        sections = [ListSection(rows=rows)]
        return ListMenu(text=text, footer=self.footer, button=self.button, sections=sections)

    def _numbered(self, text: str) -> str:
        """The menu as text, for those who can tap nothing."""
        lines = [f"{number} - {each.title}" for number, each in enumerate(self.options, start=1)]
        return "\n".join([text, "", *lines, *([self.footer] if self.footer else [])])
