"""Where does one installation keep its data, keys, logs and pids, and where do downloads lie?"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of one run (`.run`), and what lies in it."""

    run: Path

    @property
    def keys(self) -> Path:
        """Master key, signing keys, passwords."""
        return self.run / "keys"

    @property
    def media(self) -> Path:
        """Files of customers and for them, sealed."""
        return self.run / "media"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.run / "logs"

    @property
    def ports(self) -> Path:
        """The ports that this run keeps."""
        return self.run / "ports.json"

    @property
    def environment(self) -> Path:
        """What a shell needs to talk to this run (design.md 5)."""
        return self.run / "guiche.env"

    @property
    def servers(self) -> Path:
        """Where PostgreSQL and Kafka of this run answer, known before anything is ready."""
        return self.run / "servers.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.run / "lock"

    def pid(self, name: str) -> Path:
        """The pid of a process that runs."""
        return self.run / f"{name}.pid"

    def log(self, name: str) -> Path:
        """What a process wrote."""
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the folders that are missing."""
        self.logs.mkdir(parents=True, exist_ok=True)


def default_places() -> Places:
    """`GUICHE_RUN_DIR`, else `.run` where the command was given."""
    return Places(Path(os.environ.get("GUICHE_RUN_DIR", ".run")).absolute())


def cache() -> Path:
    """Downloads that all runs of a user share."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "guiche"
