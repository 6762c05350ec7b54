"""Given-when-then over `decide` and `evolve`: no I/O, no clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from services.tickets.domain.refusals import RefusedError

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Refused = TypeVar("Refused", bound=RefusedError)


@dataclass(frozen=True)
class Asked(Generic[State, Command, Event]):
    """A command that was given to a state, judged only when somebody says what must follow."""

    spec: "Spec[State, Command, Event]"
    state: State
    command: Command

    def then(self, *kinds: type[Event]) -> list[Event]:
        """Exactly these events, in this order."""
        events = list(self.spec.decide(self.state, self.command))
        assert [type(one) for one in events] == list(kinds)
        return events

    def then_nothing(self) -> None:
        """Taken, and nothing changes."""
        assert list(self.spec.decide(self.state, self.command)) == []

    def then_refused(self, kind: type[Refused]) -> Refused:
        """Refused by this rule and no other."""
        with pytest.raises(RefusedError) as refused:
            self.spec.decide(self.state, self.command)
        assert isinstance(refused.value, kind)
        return refused.value


@dataclass(frozen=True)
class Given(Generic[State, Command, Event]):
    """What has happened."""

    spec: "Spec[State, Command, Event]"
    events: tuple[Event, ...]

    def when(self, command: Command) -> Asked[State, Command, Event]:
        """Ask for something."""
        return Asked(self.spec, self.spec.folded(self.events), command)


@dataclass(frozen=True)
class Spec(Generic[State, Command, Event]):
    """A stream's two functions."""

    evolve: Callable[[State | None, Event], State]
    decide: Callable[[State, Command], Sequence[Event]]

    def given(self, *events: Event) -> Given[State, Command, Event]:
        """The stream so far."""
        return Given(self, events)

    def folded(self, events: Sequence[Event]) -> State:
        """The state after these events."""
        state: State | None = None
        for event in events:
            state = self.evolve(state, event)
        assert state is not None
        return state
