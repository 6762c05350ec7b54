"""A fold: a function per published type; each type is folded or ignored by name."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from services.projections.domain.events import Event
from shared.contracts.envelope import Message

R = TypeVar("R")
M = TypeVar("M", bound=Message)
FoldOne = Callable[[R, Event, M], None]


class UnreadableEventError(ValueError):
    """The body is not what its type says."""


class Fold(Generic[R]):
    """The fold of one read model: a function for each published type that changes its rows.

    `ignores` names types, or base classes of types, that change nothing here. Raise `version` when
    the same events give other rows than before: models are then built again.
    """

    def __init__(self, version: int, *, ignores: Iterable[type[Message]]) -> None:
        self.version: Final = version
        self.ignored: Final = frozenset(ignores)
        self._functions: dict[type[Message], FoldOne[R, Any]] = {}

    @property
    def folded(self) -> frozenset[type[Message]]:
        """The published types that change rows."""
        return frozenset(self._functions)

    def on(self, *kinds: type[M]) -> Callable[[FoldOne[R, M]], FoldOne[R, M]]:
        """Fold these types with the decorated function."""

        def register(function: FoldOne[R, M]) -> FoldOne[R, M]:
            self._functions.update(dict.fromkeys(kinds, function))
            return function

        return register

    def __call__(self, rows: R, event: Event) -> None:
        """Apply one event; raises UnreadableEventError."""
        if event.fault is not None:
            raise UnreadableEventError(event.fault)
        function = self._functions.get(type(event.message))  # pyright: ignore[reportArgumentType]
        if function is not None:
            function(rows, event, event.message)
