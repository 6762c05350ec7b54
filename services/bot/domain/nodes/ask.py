"""`ask`: asks for one thing of a kind."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from services.bot.domain.answers import YES_OR_NO, AnswerKind, Bounds, read_answer
from services.bot.domain.evaluators import Evaluators
from services.bot.domain.faults import Draft, NodeFault
from services.bot.domain.nodes.listening import Listening
from services.bot.domain.step_context import Heard, StepContext

ANSWERED: Final = "answered"


class Ask(Listening):
    """Asks for text, number, date, email, cpf, cnpj, cpf_cnpj, cep, phone, yes_no, or a regex."""

    type: Literal["ask"] = "ask"
    kind: AnswerKind = "text"
    pattern: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    minimum: float | None = None
    maximum: float | None = None

    OUTPUTS = "`answered` (of `yes_no`: `yes`, `no`), `invalid_exhausted`, `timeout`"

    def main_outputs(self) -> Sequence[str]:
        return YES_OR_NO if self.kind == "yes_no" else (ANSWERED,)

    @property
    def answer_type(self) -> str:
        return self.kind

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        yield from super().faults(draft)
        if (self.kind == "regex") != (self.pattern is not None):
            yield NodeFault("pattern", "belongs to kind regex, which needs it")
        elif self.pattern is not None and not draft.evaluators.compiles(self.pattern):
            yield NodeFault("pattern", "is no pattern (without look-around or back-references)")
        if self.kind not in {"text", "number"} and (self.minimum, self.maximum) != (None, None):
            yield NodeFault("minimum", "belongs to text and number")
        if None not in {self.minimum, self.maximum} and (self.minimum or 0) > (self.maximum or 0):
            yield NodeFault("minimum", "is above the maximum")

    def hear(self, context: StepContext, heard: Heard) -> str | None:
        value = self.read(heard.text, context.evaluators)
        if value is None:
            return self.try_again(context, heard, "invalid")
        output = value if self.kind == "yes_no" else ANSWERED
        return context.accept(heard, output, save_as=self.save_as, value=value)

    def read(self, text: str, evaluators: Evaluators) -> str | None:
        """The answer in its one form; None when it is not of the kind."""
        said = text.strip()
        if not said:
            return None
        if self.kind == "phone":
            return evaluators.phone(said)
        if self.kind == "regex":
            return said if evaluators.matches(self.pattern or "", said) else None
        return read_answer(self.kind, said, Bounds(self.minimum, self.maximum))
