"""How many of each run here? One broker and one process, or three brokers and two of everything."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deploy.local.places import Places

_FIRST: Final = (
    "directory",
    "ingest",
    "tickets-1",
    "tickets-2",
    "outbound",
    "bot",
    "projections",
    "gateway",
)
_SECOND: Final = ("directory", "ingest", "outbound", "bot", "projections", "gateway")
_BROKERS: Final = (1, 3)
_REPLICAS: Final = (1, 2)


class TopologyError(Exception):
    """What was asked for cannot be had, or not in this run folder."""


@dataclass(frozen=True, slots=True)
class Topology:
    """One broker or three; one process of each service (tickets: two), or two of each."""

    brokers: int = 1
    replicas: int = 1

    @property
    def instances(self) -> tuple[str, ...]:
        """The processes of services; the second of each carries a number, of tickets both do."""
        second = tuple(f"{service}-2" for service in _SECOND) if self.replicas > 1 else ()
        return (*_FIRST, *second)

    @property
    def broker_names(self) -> tuple[str, ...]:
        """The processes of Kafka."""
        if self.brokers == 1:
            return ("kafka",)
        return tuple(f"kafka-{number}" for number in range(1, self.brokers + 1))


def wanted_topology(places: Places) -> Topology:
    """What `GUICHE_BROKERS` and `GUICHE_REPLICAS` say; brokers stay as the data folder has them.

    Raises TopologyError.
    """
    kept = places.run / "brokers"
    had = int(kept.read_text()) if kept.exists() else None
    brokers = _number("GUICHE_BROKERS", _BROKERS, had or 1)
    if had is not None and brokers != had:
        message = f"this run has {had} broker(s): `make reset` first, or leave BROKERS out"
        raise TopologyError(message)
    places.make()
    kept.write_text(f"{brokers}\n")
    return Topology(brokers, _number("GUICHE_REPLICAS", _REPLICAS, 1))


def _number(name: str, allowed: Sequence[int], default: int) -> int:
    said = os.environ.get(name)
    if not said:
        return default
    if not said.isdecimal() or int(said) not in allowed:
        message = f"{name} is {said}: it can be {' or '.join(map(str, allowed))}"
        raise TopologyError(message)
    return int(said)
