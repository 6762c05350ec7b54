"""All registries of shared/contracts, each with the topic that its messages go to."""

from shared.contracts.directory import DIRECTORY_TYPES
from shared.contracts.inbound import DEAD_TYPES, INBOUND_TYPES
from shared.contracts.inbox import INBOX_TYPES
from shared.contracts.outbound import OUTBOUND_COMMANDS_TYPES, OUTBOUND_EVENTS_TYPES
from shared.contracts.tickets import TICKETS_EVENTS_TYPES
from shared.contracts.topics import (
    DIRECTORY_EVENTS,
    INBOUND_EVENTS,
    INBOX_CHANGES,
    INGEST_DEAD,
    OUTBOUND_COMMANDS,
    OUTBOUND_EVENTS,
    TICKETS_EVENTS,
)

REGISTRIES = {
    DIRECTORY_EVENTS.name: DIRECTORY_TYPES,
    INBOUND_EVENTS.name: INBOUND_TYPES,
    INGEST_DEAD.name: DEAD_TYPES,
    INBOX_CHANGES.name: INBOX_TYPES,
    OUTBOUND_COMMANDS.name: OUTBOUND_COMMANDS_TYPES,
    OUTBOUND_EVENTS.name: OUTBOUND_EVENTS_TYPES,
    TICKETS_EVENTS.name: TICKETS_EVENTS_TYPES,
}
TYPES = {name: kind for types in REGISTRIES.values() for name, kind in types.items()}
