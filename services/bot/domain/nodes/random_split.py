"""`random_split`: divides customers by weights, for example between two versions of a text."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal

from pydantic import Field

from services.bot.domain.faults import Draft, NodeFault, repeated
from services.bot.domain.fields import FilePart, Id
from services.bot.domain.nodes.base import Node
from services.bot.domain.step_context import StepContext


class Branch(FilePart):
    """One of the ways; `weight` counts against the sum of all weights."""

    weight: int = Field(default=1, ge=1, le=1000)
    next: Id
    output: Id | None = None


class RandomSplit(Node):
    """Goes by one of the `branches`, by weight; a contact always by the same, unless not `sticky`.

    The choice is a hash of ids, so that a step that is taken again chooses the same.
    """

    type: Literal["random_split"] = "random_split"
    branches: tuple[Branch, ...] = Field(min_length=2, max_length=20)
    sticky: bool = True

    OUTPUTS = "`output` of the branch (`branch_1`…)"

    def edges(self) -> Mapping[str, str]:
        return {output: branch.next for output, branch in self._branches()}

    def outputs(self) -> Sequence[str]:
        return [output for output, _ in self._branches()]

    def field_of(self, output: str) -> str:
        return f"branches.{self.outputs().index(output)}.next"

    def faults(self, draft: Draft) -> Iterator[NodeFault]:  # noqa: ARG002  it needs no flow
        return repeated("branches.{}.output", list(self.outputs()))

    def enter(self, context: StepContext) -> str | None:
        session, node = context.session, context.session.node
        chance = f"{session.id}:{session.step}"
        if self.sticky:
            chance = f"{session.contact_id}:{session.flow_id}:{node}"
        number = int.from_bytes(hashlib.sha256(chance.encode()).digest())
        shares = list(accumulate(branch.weight for branch in self.branches))
        return self.outputs()[bisect_right(shares, number % shares[-1])]

    def _branches(self) -> list[tuple[str, Branch]]:
        """Each branch behind its output."""
        numbered = enumerate(self.branches, start=1)
        return [(branch.output or f"branch_{number}", branch) for number, branch in numbered]
