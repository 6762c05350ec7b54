"""What libraries know that flows need, handed to the pure functions of the domain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

VariableType: TypeAlias = Literal["text", "number", "date", "yes_no"]
Types: TypeAlias = tuple[tuple[str, VariableType], ...]
"""The type of each variable of a flow, by its name."""

LONGEST_CONDITION: Final = 1000


@dataclass(frozen=True, slots=True)
class Evaluators:
    """Phone numbers, patterns and conditions; the time of each call is bounded."""

    phone: Callable[[str], str | None]  # E.164, or None
    matches: Callable[[str, str], bool]  # pattern, text: the whole text
    compiles: Callable[[str], bool]  # whether it is a pattern
    condition_fault: Callable[[str, Types], str | None]  # why it is no condition
    condition_holds: Callable[[str, Types, Mapping[str, str]], bool | None]
    """Over the values of the variables as they are stored; None: it cannot be evaluated."""
