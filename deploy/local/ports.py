"""Which ports does this run use? Free ones, chosen once and kept, so that addresses survive."""

import json
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
# Below the range from which Linux takes the ports of outgoing connections: a service that is
# down for a moment does not lose its port to one of them.
_RANGE: Final = range(15_000, 32_000)


def kept_ports(file: Path, names: Iterable[str]) -> Mapping[str, int]:
    """A port per name; those of the last time where they are still free."""
    known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    taken: set[int] = set()
    for name in names:
        port = known.get(name)
        if port is None or port in taken or not is_free(port):
            known[name] = free_port(taken)
        taken.add(known[name])
    file.write_text(json.dumps(known, indent=2) + "\n")
    return known


def free_port(taken: Iterable[int] = ()) -> int:
    """A port that nobody listens on."""
    avoided = set(taken)
    chance = random.SystemRandom()
    while True:
        port = chance.choice(_RANGE)
        if port not in avoided and is_free(port):
            return port


def is_free(port: int) -> bool:
    """Whether somebody could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
