"""The registry of topics is the table of design.md 4."""

import pytest

from shared.contracts.topics import MAX_MESSAGE_BYTES, TOPICS

HOUR_MS = 3_600_000
DAYS_3 = 72 * HOUR_MS
TABLE = {
    # topic: partitions, retention, written by, read by
    "inbound.events": (24, DAYS_3, {"ingest"}, {"tickets", "outbound"}),
    "tickets.commands": (24, DAYS_3, {"bot"}, {"tickets"}),
    "tickets.replies": (24, DAYS_3, {"tickets"}, {"bot"}),
    "tickets.events": (24, DAYS_3, {"tickets"}, {"projections", "bot", "integrators"}),
    "outbound.commands": (24, DAYS_3, {"tickets"}, {"outbound"}),
    "outbound.events": (24, DAYS_3, {"outbound"}, {"tickets", "integrators"}),
    "bot.events": (24, DAYS_3, {"bot"}, {"integrators"}),
    "directory.events": (
        6,
        None,
        {"directory"},
        {"ingest", "tickets", "outbound", "bot", "gateway"},
    ),
    "inbox.changes": (6, HOUR_MS, {"projections"}, {"gateway"}),
    "presence": (6, HOUR_MS // 60, {"gateway"}, {"gateway"}),
    "ingest.dead": (6, 7 * 24 * HOUR_MS, {"ingest"}, {"operators"}),
}


def test_no_topic_is_missing_and_none_is_too_many() -> None:
    assert set(TOPICS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_topic_is_as_the_design_says(name: str) -> None:
    topic = TOPICS[name]
    assert (
        topic.partitions,
        topic.retention_ms,
        set(topic.written_by),
        set(topic.read_by),
    ) == TABLE[name]


@pytest.mark.parametrize("name", TABLE)
def test_the_settings_for_kafka_hold_size_retention_and_segments(name: str) -> None:
    topic = TOPICS[name]
    config = topic.config()
    assert config["max.message.bytes"] == str(MAX_MESSAGE_BYTES) == str(4 * 1024 * 1024)
    assert config.get("retention.ms") == (
        None if topic.retention_ms is None else str(topic.retention_ms)
    )
    assert config["cleanup.policy"] == ("compact" if topic.compacted else "delete")
    assert topic.retention_ms is None or int(config["segment.ms"]) <= topic.retention_ms
