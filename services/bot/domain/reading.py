"""What do libraries know that flows need? Handed to the pure functions, which import none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

VariableType: TypeAlias = Literal["text", "number", "date", "yes_no"]
Types: TypeAlias = tuple[tuple[str, VariableType], ...]
"""What each variable of a flow is, by its name."""

LONGEST_CONDITION: Final = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """Numbers of phones, patterns and conditions; what accounts write is bounded in time."""

    phone: Callable[[str], str | None]  # E.164, or None
    matches: Callable[[str, str], bool]  # pattern, text: the whole text
    compiles: Callable[[str], bool]  # whether it is a pattern
    condition_fault: Callable[[str, Types], str | None]  # why it is no condition
    condition_holds: Callable[[str, Types, Mapping[str, str]], bool | None]
    """Of the variables' values as they are kept; None: it cannot be told."""
