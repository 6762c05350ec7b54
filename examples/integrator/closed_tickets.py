"""Which tickets were closed? A program outside Guichê that loses nothing and doubles nothing.

One SQLite file holds the effect (table `closed`), the last version of each stream, what waits
behind a gap, and how far each partition is read: all of it is written in one transaction.
"""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
TOPIC = os.environ.get("KAFKA_PREFIX", "") + "tickets.events"
PARTITIONS = 24  # fixed for life
TABLES = """
CREATE TABLE IF NOT EXISTS place (partition INTEGER PRIMARY KEY, next INTEGER);
CREATE TABLE IF NOT EXISTS stream (id TEXT PRIMARY KEY, last INTEGER);
CREATE TABLE IF NOT EXISTS held
    (seq INTEGER PRIMARY KEY, key BLOB, type TEXT, stream TEXT, version INTEGER, body BLOB);
CREATE INDEX IF NOT EXISTS held_key ON held (key, seq);
CREATE TABLE IF NOT EXISTS closed (ticket TEXT, version INTEGER, at TEXT, owner TEXT);
"""


def take(db: sqlite3.Connection, records: Iterable["ConsumerRecord[Any, Any]"]) -> None:
    """Records of one partition in one transaction: all of it is stored, or nothing."""
    said: list[str] = []
    with db:
        for r in records:
            head = {name: value.decode() for name, value in r.headers}
            row = (r.key, head["ce_type"], head["ce_stream"], int(head["ce_version"]), r.value)
            db.execute("INSERT INTO held VALUES (NULL, ?, ?, ?, ?, ?)", row)
            while ready := next_of(db, r.key or b""):
                said += apply(db, *ready)
            db.execute("REPLACE INTO place VALUES (?, ?)", (r.partition, r.offset + 1))
    sys.stdout.writelines(said)
    sys.stdout.flush()


def next_of(db: sqlite3.Connection, key: bytes) -> tuple[int, str, str, int, bytes] | None:
    """The first message of this key that may be applied; repeats are dropped on the way."""
    missing = ""  # the stream that lacks a version
    held = "SELECT seq, type, stream, version, body, last FROM held LEFT JOIN stream ON id = stream"
    for *message, last in db.execute(f"{held} WHERE key = ? ORDER BY seq", (key,)).fetchall():
        seq, _, stream, version, _ = message
        if last is not None and version <= last:
            db.execute("DELETE FROM held WHERE seq = ?", (seq,))
        elif last in (None, version - 1) and missing in ("", stream):
            return tuple(message)  # a stream never seen begins here; what fills a gap is not queued
        elif not missing:
            missing = stream
            print(f"ALARM: what is before {stream} {version} is missing", file=sys.stderr)
    return None


def apply(
    db: sqlite3.Connection, seq: int, kind: str, stream: str, version: int, body: bytes
) -> list[str]:
    """The effect of one message; types that we do not know have none."""
    db.execute("REPLACE INTO stream VALUES (?, ?)", (stream, version))
    db.execute("DELETE FROM held WHERE seq = ?", (seq,))
    if kind != "tickets.TicketClosed.v1":
        return []
    fact = json.loads(body)
    closed = (fact["ticket_id"], version, fact["occurred_at"], fact["owner_id"])
    db.execute("INSERT INTO closed VALUES (?, ?, ?, ?)", closed)
    return [f"{fact['occurred_at']} ticket {fact['ticket_id']} closed\n"]


async def follow(db: sqlite3.Connection) -> None:
    """Read on from where the file says, for ever."""
    parts = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    places = dict(db.execute("SELECT partition, next FROM place"))
    async with AIOKafkaConsumer(bootstrap_servers=SERVERS, auto_offset_reset="none") as consumer:
        consumer.assign(parts)
        oldest = await consumer.beginning_offsets(parts)
        for part in parts:
            consumer.seek(part, places.get(part.partition, oldest[part]))
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                take(db, records)


if __name__ == "__main__":
    database = sqlite3.connect(sys.argv[1])
    database.executescript(TABLES)
    try:
        asyncio.run(follow(database))
    except OffsetOutOfRangeError:
        sys.exit("away for longer than the topic keeps: messages are lost to us, see README.md")
