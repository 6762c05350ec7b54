"""What a race must have left: read from the tables only, in log order."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

import psycopg

from tests.tickets.store.racing import timer_of

_LOG = """
SELECT notification_id, originator_id, originator_version,
    split_part(convert_from(state, 'UTF8'), E'\n', 3)
FROM event ORDER BY notification_id
"""


def faults(url: str) -> list[str]:
    """Every broken promise, in words; none is the pass."""
    with psycopg.connect(url) as conn:
        log = conn.execute(_LOG).fetchall()
        claims = conn.execute("SELECT kind, key, value FROM claim").fetchall()
        timers = {row[0] for row in conn.execute("SELECT id FROM timer").fetchall()}
    commands = [json.loads(json.loads(data)["by"]) for *_, data in log]
    return [
        *_halves(commands),
        *_replayed(log, commands, {key.decode(): v for kind, key, v in claims if kind == "shared"}),
        *_companions(commands, claims, timers),
    ]


def log_ids(url: str) -> list[int]:
    with psycopg.connect(url) as conn:
        return [row[0] for row in conn.execute(_LOG).fetchall()]


def _halves(commands: list[dict[str, Any]]) -> list[str]:
    counts = Counter(command["command"] for command in commands)
    totals = {command["command"]: command["total"] for command in commands}
    return [f"half of command {c}" for c, count in counts.items() if count != totals[c]]


def _replayed(
    log: list[Any], commands: list[dict[str, Any]], claims: dict[str, bytes]
) -> list[str]:
    """Versions, reads and claims, one command after another."""
    found: list[str] = []
    versions: dict[UUID, int] = {}
    holders: dict[str, bytes] = {}
    judged: set[str] = set()
    for (_, stream, version, _), command in zip(log, commands, strict=True):
        if command["command"] not in judged:
            judged.add(command["command"])
            found += _judged(command, versions, holders)
        if version != versions.get(stream, 0) + 1:
            found.append(f"hole in {stream} before {version}")
        versions[stream] = version
    if holders != claims:
        found.append("claims are not what the log says")
    return found


def _judged(
    command: dict[str, Any], versions: dict[UUID, int], holders: dict[str, bytes]
) -> list[str]:
    found: list[str] = []
    if command["release"]:
        key, value = command["release"]
        if holders.pop(key, b"").hex() != value:
            found.append(f"released what it did not hold: {key}")
    if command["take"]:
        if command["take"] in holders:
            found.append(f"doubled claim {command['take']}")
        holders[command["take"]] = UUID(command["command"]).bytes
    if command["read"]:
        stream, version = command["read"]
        if versions.get(UUID(stream), 0) != version:
            found.append(f"stale read of {stream}")
    return found


def _companions(commands: list[dict[str, Any]], claims: list[Any], timers: set[UUID]) -> list[str]:
    """Own-id claims, items and timers exist for exactly the commands of the log."""
    stored = {UUID(command["command"]) for command in commands}
    found = [
        f"claims of kind {kind} and log differ"
        for kind in ("command", "item")
        if {UUID(bytes=key) for k, key, _ in claims if k == kind} != stored
    ]
    if timers != {timer_of(command) for command in stored}:
        found.append("timers and log differ")
    return found
