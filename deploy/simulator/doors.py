"""Which process of the receiver gets the next delivery? As a load balancer would choose."""

from collections.abc import Sequence


class Doors:
    """The addresses, each in its turn."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        self._turn = 0

    def next(self, failed: str | None = None) -> str:
        """The next address; after a failure another one, where there is another."""
        door = self._step()
        return self._step() if door == failed else door

    def _step(self) -> str:
        door = self._urls[self._turn % len(self._urls)]
        self._turn += 1
        return door
