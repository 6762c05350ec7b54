"""The stored rows of earlier commits: reading the files, and putting them into a database."""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from pydantic import JsonValue

HERE: Final = Path(__file__).parent
COMMITS: Final = sorted(path.name for path in HERE.iterdir() if (path / "keys.json").exists())
_EVENT: Final = """
INSERT INTO tickets.event (notification_id, account, originator_id, originator_version, key, topic,
    state)
VALUES (%(notification_id)s, %(account)s, %(originator_id)s, %(originator_version)s, %(key)s,
    %(topic)s, %(state)s)
"""
_KEY: Final = "INSERT INTO tickets.contact_key (contact, account, wrapped) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Written:
    """One row that a commit stored, and what that commit said of it."""

    row: Mapping[str, Any]
    meaning: Mapping[str, dict[str, JsonValue]]
    fact: dict[str, dict[str, JsonValue]]
    order: dict[str, JsonValue] | None

    @property
    def published_type(self) -> JsonValue:
        """The type of the message on tickets.events."""
        return self.fact["envelope"]["type"]

    @property
    def published_fields(self) -> frozenset[str]:
        """The fields of the event that everybody was told."""
        return frozenset(self.fact["body"])

    @property
    def name(self) -> str:
        """For the title of a test."""
        return f"{self.row['topic']}-{self.row['notification_id']}"


@dataclass(frozen=True, slots=True)
class Commit:
    """All rows that a commit stored, by log id, and the keys that open them."""

    rows: Sequence[Written]
    contact_keys: Sequence[tuple[str, str, bytes]]
    wrapping_key: bytes

    def insert(self, url: str) -> None:
        """Put rows and keys into the database of `url` (an administrator's address)."""
        with psycopg.connect(url) as conn, conn.cursor() as cursor:
            states = ({**one.row, "state": one.row["state"].encode()} for one in self.rows)
            cursor.executemany(_EVENT, list(states))
            cursor.executemany(_KEY, self.contact_keys)


def rows_of(commit: str) -> Commit:
    """What stands in the folder of `commit`."""
    folder = HERE / commit
    files = sorted(folder.glob("[0-9]*.json"))
    rows = [Written(**entry) for path in files for entry in json.loads(path.read_text())]
    keys = json.loads((folder / "keys.json").read_text())
    return Commit(
        sorted(rows, key=lambda one: one.row["notification_id"]),
        [(k["contact"], k["account"], b64decode(k["wrapped"])) for k in keys["contact_keys"]],
        b64decode(keys["wrapping_key"]),
    )
