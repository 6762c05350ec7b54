"""`condition`: goes on by the values of the variables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from services.bot.domain.evaluators import LONGEST_CONDITION
from services.bot.domain.faults import Draft, NodeFault
from services.bot.domain.fields import WITHOUT_NUL, FilePart, Id
from services.bot.domain.nodes.base import Node
from services.bot.domain.step_context import StepContext

ELSE: Final = "else"
ERROR: Final = "error"
Expression = Annotated[str, Field(min_length=1, max_length=LONGEST_CONDITION), WITHOUT_NUL]


class Case(FilePart):
    """The way to go when a condition over the variables holds; CEL."""

    when: Expression
    next: Id
    output: Id | None = None


class Condition(Node):
    """Goes by the first case whose `when` holds; by `error` at one that cannot be evaluated."""

    type: Literal["condition"] = "condition"
    cases: tuple[Case, ...] = Field(min_length=1, max_length=20)
    else_: Id = Field(alias="else")
    error: Id | None = None

    OUTPUTS = "`output` of the case (`case_1`…), `else`, `error`"

    def edges(self) -> Mapping[str, str]:
        found = {output: case.next for output, case in self._cases()}
        return {**found, ELSE: self.else_, ERROR: self.error or self.else_}

    def outputs(self) -> Sequence[str]:
        return [*(output for output, _ in self._cases()), ELSE, ERROR]

    def field_of(self, output: str) -> str:
        cases = {name: f"cases.{n}.next" for n, (name, _) in enumerate(self._cases())}
        own = {ELSE: ELSE, ERROR: ELSE if self.error is None else ERROR}
        return {**cases, **own}.get(output, output)

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        seen, types = {ELSE, ERROR}, draft.flow.types()
        for number, (output, case) in enumerate(self._cases()):
            fault = draft.evaluators.condition_fault(case.when, types)
            if fault is not None:
                yield NodeFault(f"cases.{number}.when", fault)
            if output in seen:
                yield NodeFault(f"cases.{number}.output", "stands twice")
            seen.add(output)

    def enter(self, context: StepContext) -> str | None:
        """A case that cannot be evaluated decides before those behind it."""
        for output, case in self._cases():
            if not context.may_evaluate(case.when):
                return None
            held = context.holds(case.when)
            if held is not False:
                return ERROR if held is None else output
        return ELSE

    def _cases(self) -> list[tuple[str, Case]]:
        """Each case behind its output."""
        numbered = enumerate(self.cases, start=1)
        return [(case.output or f"case_{number}", case) for number, case in numbered]
