"""What happens to a process that dies? It is started again, a little later each time."""

from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Final

from deploy.local.process import Child

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_STEADY_SECONDS: Final = 10.0  # who lived so long begins with the first pause again


class Watched:
    """One process, how often it was restarted, and when it may be started next."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.restarts = 0
        self._pause = _FIRST_PAUSE
        self._started_at = 0.0
        self._due: float | None = None

    def start(self) -> None:
        """Start it for the first time."""
        self.child.start()
        self._started_at = monotonic()

    def took_over(self) -> None:
        """It runs already."""
        self._started_at = monotonic()

    def look(self, now: float) -> None:
        """Start it again when it is dead and its pause is over."""
        if self.child.alive():
            return
        if self._due is None:
            self._due = now + self._next_pause(now)
        if now >= self._due:
            self._due = None
            self.restarts += 1
            self.start()

    def _next_pause(self, now: float) -> float:
        if now - self._started_at > _STEADY_SECONDS:
            self._pause = _FIRST_PAUSE
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return pause


class Supervisor:
    """All processes of a run. Its methods are called by the main thread only."""

    def __init__(self) -> None:
        self._watched: dict[str, Watched] = {}

    def add(self, children: Iterable[Child]) -> None:
        """Watch processes; those that do not run are started."""
        for child in children:
            watched = Watched(child)
            self._watched[child.spec.name] = watched
            if child.alive():
                watched.took_over()
            else:
                watched.start()

    def look(self) -> None:
        """Restart who died; called several times a second."""
        now = monotonic()
        for watched in self._watched.values():
            watched.look(now)

    @property
    def restarts(self) -> Mapping[str, int]:
        """How often each was restarted."""
        return {name: watched.restarts for name, watched in self._watched.items()}

    def stop(self, names: Iterable[str]) -> None:
        """End these at once, and return when they are gone; they are watched no more."""
        ended = [self._watched.pop(name) for name in names if name in self._watched]
        for watched in ended:
            watched.child.ask_to_stop()
        for watched in ended:
            watched.child.stop()

    @property
    def names(self) -> list[str]:
        """Who is watched."""
        return list(self._watched)
