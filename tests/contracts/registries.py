"""All registries of shared/contracts, each with the topic that its messages go to."""

from shared.contracts.bot import BOT_EVENTS_TYPES
from shared.contracts.directory import DIRECTORY_TYPES
from shared.contracts.inbound import DEAD_TYPES, INBOUND_TYPES
from shared.contracts.inbox import INBOX_TYPES
from shared.contracts.outbound import OUTBOUND_COMMANDS_TYPES, OUTBOUND_EVENTS_TYPES
from shared.contracts.ticket_commands import TICKETS_COMMANDS_TYPES, TICKETS_REPLIES_TYPES
from shared.contracts.tickets import TICKETS_EVENTS_TYPES
from shared.contracts.topics import (
    BOT_EVENTS,
    DIRECTORY_EVENTS,
    INBOUND_EVENTS,
    INBOX_CHANGES,
    INGEST_DEAD,
    OUTBOUND_COMMANDS,
    OUTBOUND_EVENTS,
    TICKETS_COMMANDS,
    TICKETS_EVENTS,
    TICKETS_REPLIES,
)

REGISTRIES = {
    BOT_EVENTS.name: BOT_EVENTS_TYPES,
    DIRECTORY_EVENTS.name: DIRECTORY_TYPES,
    INBOUND_EVENTS.name: INBOUND_TYPES,
    INGEST_DEAD.name: DEAD_TYPES,
    INBOX_CHANGES.name: INBOX_TYPES,
    OUTBOUND_COMMANDS.name: OUTBOUND_COMMANDS_TYPES,
    OUTBOUND_EVENTS.name: OUTBOUND_EVENTS_TYPES,
    TICKETS_COMMANDS.name: TICKETS_COMMANDS_TYPES,
    TICKETS_EVENTS.name: TICKETS_EVENTS_TYPES,
    TICKETS_REPLIES.name: TICKETS_REPLIES_TYPES,
}
TYPES = {name: kind for types in REGISTRIES.values() for name, kind in types.items()}
