"""Is the 24-hour window of a customer open (Cloud API 11.1)?"""

import json
from pathlib import Path
from typing import cast

WINDOW_SECONDS = 24 * 3600
_SILENT = {"reaction", "system", "revoke", "edit"}  # these open nothing


class Windows:
    """The newest instant at which each person wrote to each number."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def heard(self, number: str, person: str, kind: str, at: float) -> None:
        """A customer wrote at `at` (seconds since 1970)."""
        if kind not in _SILENT:
            key = f"{number} {person}"
            self._last[key] = max(at, self._last.get(key, 0.0))

    def is_open(self, number: str, person: str, now: float) -> bool:
        """Whether free-form messages are allowed now."""
        return now < self._last.get(f"{number} {person}", 0.0) + WINDOW_SECONDS

    def clear(self) -> None:
        """Close all."""
        self._last.clear()

    def save(self, path: Path, now: float) -> None:
        """Write the open ones to a file, whole or not at all."""
        still = {key: at for key, at in self._last.items() if now < at + WINDOW_SECONDS}
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(still), encoding="utf-8")
        fresh.replace(path)
        self._last = still

    def load(self, path: Path) -> None:
        """Read what `save` wrote, if it did."""
        if path.exists():
            self._last |= cast("dict[str, float]", json.loads(path.read_text(encoding="utf-8")))
