"""What `menu` and `ask` share: a question, attempts, texts for each, a time-out."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from services.bot.domain.evaluators import VariableType
from services.bot.domain.faults import LONGEST_TEXT, Draft, NodeFault, text_faults
from services.bot.domain.fields import Duration, Id, Text
from services.bot.domain.nodes.base import TIMEOUT, LinkedNode
from services.bot.domain.step_context import Heard, StepContext
from services.bot.texts import pt_br

INVALID_EXHAUSTED: Final = "invalid_exhausted"


class Listening(LinkedNode):
    """Asks and waits for an answer; `invalid` has a text for each attempt."""

    text: Text
    invalid: tuple[Text, ...] = Field(default=(pt_br.INVALID,), min_length=1)
    attempts: int = Field(default=3, ge=1, le=10)
    timeout: Duration | None = None
    reserved: bool = True
    save_as: Id | None = None

    WAITS = True
    COMMANDS = True

    def outputs(self) -> Sequence[str]:
        timeout = () if self.timeout is None else (TIMEOUT,)
        return (*super().outputs(), INVALID_EXHAUSTED, *timeout)

    @property
    def patience(self) -> float | None:
        return self.timeout

    @property
    def hears(self) -> bool:
        return True

    @property
    def hears_reserved_words(self) -> bool:
        return self.reserved

    @property
    def answer_type(self) -> str:
        """The type that a variable must have to hold the answer, if it is no text."""
        return "text"

    def shown(self, text: str) -> str:
        """A text of it as it is shown."""
        return text

    def enter(self, context: StepContext) -> str | None:
        self.prompt(context, self.text)
        return None

    def try_again(self, context: StepContext, heard: Heard, reason: str) -> str | None:
        """Reject what was said; an output when it was the last attempt."""
        attempt = context.session.attempt + 1
        context.reject(heard.said, reason, attempt)
        if attempt >= self.attempts:
            return INVALID_EXHAUSTED
        self.prompt(context, self.invalid[min(attempt, len(self.invalid)) - 1])
        return None

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        notice = draft.flow.old_taps.notice
        said = {"text": self.text, "old_taps.notice": notice}
        said |= {f"invalid.{number}": text for number, text in enumerate(self.invalid)}
        for field, text in said.items():
            yield from text_faults(draft, field, self.shown(text), self.longest_shown())
        if self.save_as is not None:
            yield from self._save_faults(draft, self.save_as)

    def longest_shown(self) -> int:
        """How many characters its message may have."""
        return LONGEST_TEXT

    def _save_faults(self, draft: Draft, name: str) -> Iterator[NodeFault]:
        variable = draft.flow.variables.get(name)
        wanted: set[VariableType | str] = {"text", self.answer_type}
        if variable is None:
            yield NodeFault("save_as", f"there is no variable {name}")
        elif variable.type not in wanted:
            yield NodeFault("save_as", f"{name} is of type {variable.type}, and this is not")
