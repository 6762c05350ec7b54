"""The registry of topics: key, partitions, retention, who writes and who reads (design.md 4)."""

from dataclasses import dataclass
from typing import Final

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_HOUR_MS: Final = 3_600_000
_SEGMENT_MS: Final = 6 * _HOUR_MS  # an open segment is never deleted (protocols.md 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic; partition counts are fixed for life: a service refuses to start on others."""

    name: str
    key: str
    partitions: int
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    retention_ms: int | None = None  # None: compacted
    segment_ms: int = _SEGMENT_MS

    @property
    def compacted(self) -> bool:
        """Whether only the last message of a key is kept."""
        return self.retention_ms is None

    def config(self) -> dict[str, str]:
        """The topic's settings as Kafka names them."""
        kept = (
            {"cleanup.policy": "compact"}
            if self.retention_ms is None
            else {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        )
        return {
            **kept,
            "segment.ms": str(self.segment_ms),
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
        }


_CONTACT: Final = "contact id"
_INBOUND_KEY: Final = "HMAC of connection and the customer's identity"
_THREE_DAYS: Final = 72 * _HOUR_MS

INBOUND_EVENTS: Final = Topic(
    name="inbound.events",
    key=_INBOUND_KEY,
    partitions=24,
    retention_ms=_THREE_DAYS,
    written_by=("ingest",),
    read_by=("tickets", "outbound"),
)
TICKETS_COMMANDS: Final = Topic(
    name="tickets.commands",
    key=_CONTACT,
    partitions=24,
    retention_ms=_THREE_DAYS,
    written_by=("bot",),
    read_by=("tickets",),
)
TICKETS_REPLIES: Final = Topic(
    name="tickets.replies",
    key=_CONTACT,
    partitions=24,
    retention_ms=_THREE_DAYS,
    written_by=("tickets",),
    read_by=("bot",),
)
TICKETS_EVENTS: Final = Topic(
    name="tickets.events",
    key=_CONTACT,
    partitions=24,
    retention_ms=_THREE_DAYS,
    written_by=("tickets",),
    read_by=("projections", "bot", "integrators"),
)
OUTBOUND_COMMANDS: Final = Topic(
    name="outbound.commands",
    key=_CONTACT,
    partitions=24,
    retention_ms=_THREE_DAYS,
    written_by=("tickets",),
    read_by=("outbound",),
)
OUTBOUND_EVENTS: Final = Topic(
    name="outbound.events",
    key=_CONTACT,
    partitions=24,
    retention_ms=_THREE_DAYS,
    written_by=("outbound",),
    read_by=("tickets", "integrators"),
)
BOT_EVENTS: Final = Topic(
    name="bot.events",
    key=_CONTACT,
    partitions=24,
    retention_ms=_THREE_DAYS,
    written_by=("bot",),
    read_by=("integrators",),
)
DIRECTORY_EVENTS: Final = Topic(
    name="directory.events",
    key="entity id",
    partitions=6,
    written_by=("directory",),
    read_by=("ingest", "tickets", "outbound", "bot", "gateway"),
)
INBOX_CHANGES: Final = Topic(
    name="inbox.changes",
    key="account id",
    partitions=6,
    retention_ms=_HOUR_MS,
    segment_ms=_HOUR_MS // 4,
    written_by=("projections",),
    read_by=("gateway",),
)
PRESENCE: Final = Topic(  # nothing is written there before the console says who looks at what
    name="presence",
    key="account id",
    partitions=6,
    retention_ms=_HOUR_MS // 60,
    segment_ms=_HOUR_MS // 60,
    written_by=("gateway",),
    read_by=("gateway",),
)
INGEST_DEAD: Final = Topic(
    name="ingest.dead",
    key=_INBOUND_KEY,
    partitions=6,
    retention_ms=7 * 24 * _HOUR_MS,
    written_by=("ingest",),
    read_by=("operators",),
)

TOPICS: Final = {
    topic.name: topic
    for topic in (
        INBOUND_EVENTS,
        TICKETS_COMMANDS,
        TICKETS_REPLIES,
        TICKETS_EVENTS,
        OUTBOUND_COMMANDS,
        OUTBOUND_EVENTS,
        BOT_EVENTS,
        DIRECTORY_EVENTS,
        INBOX_CHANGES,
        PRESENCE,
        INGEST_DEAD,
    )
}
