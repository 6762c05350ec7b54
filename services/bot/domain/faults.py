"""What may be wrong with a node of a flow that is to be published."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.bot.domain.evaluators import Evaluators
from services.bot.domain.flow_settings import FlowSettings
from services.bot.domain.rendering import render, variables_in, worst_length

LONGEST_TEXT: Final = 4096
"""Of a text message (Cloud API 3)."""
LONGEST_BODY: Final = 1024
"""Of a message with buttons or a list (Cloud API 3)."""


@dataclass(frozen=True, slots=True)
class NodeFault:
    """A field of a node, and what is wrong with it."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a node is checked against before its flow is published."""

    flow: FlowSettings
    evaluators: Evaluators


def text_faults(draft: Draft, field: str, text: str, limit: int) -> Iterator[NodeFault]:
    """What is wrong with a text of at most `limit` characters, counted with the longest values."""
    sizes = draft.flow.max_lengths()
    for name in sorted(variables_in(text) - sizes.keys()):
        yield NodeFault(field, f"there is no variable {name}")
    size = worst_length(text, sizes)
    if size > limit:
        yield NodeFault(field, f"may have {size} characters, {limit} at most")
    if not render(text, {}, {}).strip():
        yield NodeFault(field, "may be empty: give the variable a text, {name|text}")


def repeated(field: str, values: list[str]) -> Iterator[NodeFault]:
    """One fault for each value that stood before; `field` has a `{}` for the position."""
    for number, value in enumerate(values):
        if value in values[:number]:
            yield NodeFault(field.format(number), "stands twice")
